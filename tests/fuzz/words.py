"""Words of each target's format, which random edits put in."""

WORDS: dict[str, tuple[bytes, ...]] = {
    "requirements": (
        b'==', b'==.', b'\n', b'\r\n', b'\\\n', b' #', b';', b'[x]', b'torch==2.0.1+cu118', b'clip\n', b'-r ',
        b'\xef\xbb\xbf', b'tensorboard==.15.0', b' @ https://x/y.whl', b'--index-url=', b'opencv-python==4.7.0.72',
        b'${X}', b'\x0c', b'~=',
    ),
    "accelerate": (
        b': ', b'\n', b'  ', b'- ', b"'no'", b'no', b'~', b'0', b'-0', b'1_0', b'1e5', b'!!python/object:x', b'&a ',
        b'*a', b'mixed_precision: ', b'num_processes: ', b'distributed_type: ', b'use_cpu: ', b'<<: ', b'{', b'[',
        b'? ', b'|\n', b'%YAML 1.1\n', b'---\n', b'...\n', b'#', b'\t', b'=', b'0x1F', b'12:30:45', b'2001-02-30',
        b'\xc2\x85', b'\xe2\x80\xa8',
    ),
    "settings": (
        b'\n', b' = ', b'[train]\n', b'[[suppress]]\n', b"'", b'"', b'"\\u0000"', b'9' * 5000, b'\xc2\xb2',
        b"'~nobody-here/x'", b'env = ', b'steps = ', b"rule = 'GPU003'\n", b'until = 2027-01-31\n',
        b'until = 0001-01-01T00:00:00Z\n', b'[' * 500, b'{a=' * 300, b'nan', b'inf', b'0x',
    ),
    "patch_file": (
        b'\n', b' = ', b'[[edit]]\n', b'[parameters]\n', b"'''", b'[]', b'{}', b"op = 'replace'\n", b'files = ', b'1',
        b'true', b'[edit]\n', b'rules = ', b'9' * 5000, b'[' * 500, b'where = ', b"kind = 'path'", b'find = ',
        b'edit = [1]\n',
    ),
    "log": (
        b'\n', b'\r', b'\x1b[31m', b'Traceback (most recent call last):\n', b'  File "x.py", line 3\n',
        b'died with <Signals.SIGXYZ: 9>', b'returned non-zero exit status ', b'9' * 5000, b'exitcode : -9',
        b'{"step": 1, "seconds": "inf"}\n', b'[rank0]: ', b'nan', b'CUDA out of memory',
        b'1/2 [00:01<00:02, 1.25s/it, loss=1]', b'\xff\xfe', b'1e400', b'[' * 2000, b'"loss": ',
        b"ModuleNotFoundError: No module named 'x'\n",
    ),
    "weights": (
        b'\x00\x00\x00\x00\x00\x00\x00\x00', b'{', b'}', b'"data_offsets":', b'[0,4]', b'[]', b'null', b'1e400',
        b'-1', b'"x"', b'PK\x03\x04', b'PK\x05\x06', b'\x80\x02', b'[' * 2000, b'9' * 5000, b'"__metadata__":',
        b'"weight_map":', b'"../x"', b'version https://git-lfs.github.com/spec/', b'\\ud800', b'\\u0000',
    ),
    "pickled": (
        b'\x00', b'PK\x03\x04', b'PK\x01\x02', b'PK\x05\x06', b'\x80\x02', b'cos\nsystem\n', b'(', b't', b'R', b'.',
        b'\xff\xff\xff\xff', b'data.pkl', b'Q', b'ctorch\nFloatStorage\n',
    ),
    "patch_target": (
        b'\n', b'    ', b'\t', b'(', b')', b"'", b'"""', b'#', b'\\\n', b'\x0c', b'\r', b'\xef\xbb\xbf',
        b'# coding: latin-1\n', b'ROOT', b'Box.open(', b'def main():\n', b'class Shelf:\n', b'bill = pay(x).total',
        b'shelf = Shelf(1)', b'if x:\n', b';', b'\xe4\xb8\xad', b"f'{x!r}'", b'lambda: ', b'\x00', b'match x:\n',
    ),
}  # fmt: skip
