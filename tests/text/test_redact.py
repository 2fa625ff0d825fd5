"""Redaction goes by kind of thing, never by substring."""

import pytest

from dualano_setup.text.redact import Redactor

REDACTOR = Redactor(home="/home/mei", host="lab-gpu-3", users=("mei", "root"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/mei/data/x.png", "~/data/x.png"),
        ("/home/mei", "~"),
        ("/home/meilin/data", "/home/***/data"),
        ("see /home/other/sd15, please", "see /home/***/sd15, please"),
        ("https://user:secret@index.example/simple", "https://***@index.example/simple"),
        ("https://index.example/simple?token=abc&x=1", "https://index.example/simple?token=***&x=1"),
        ("token hf_abcdefghijklmnopqrstuvwxyz", "token ***"),
        ("ssh lab-gpu-3:22", "ssh <host>:22"),
        ("lab-gpu-30 is another", "lab-gpu-30 is another"),
        ("mei is not a path", "mei is not a path"),
        ("in /home/mei.", "in ~."),
        ("[/home/mei]", "[~]"),
        ("位於/home/mei/資料", "位於~/資料"),
        ("file:///home/mei/wheels", "file://~/wheels"),
        ("/mnt/nfs/home/mei/x", "/mnt/nfs/home/***/x"),
        ("/mnt/c/Users/Mei/x", "/mnt/c/Users/***/x"),
        (r"C:\Users\Mei\x", r"C:\Users\***\x"),
        ("/scratch/mei/runs/mei", "/scratch/<user>/runs/mei"),
        ("/scratch/lab-gpu-3/runs", "/scratch/<host>/runs"),
        ("/mei/is/a/mount", "/mei/is/a/mount"),
        ("mei@lab-gpu-3.example.org", "<user>@<host>.example.org"),
        ("main_process_ip: lab-gpu-3", "main_process_ip: <host>"),
        ("git+https://example.org/a/b@v1.0", "git+https://example.org/a/b@v1.0"),
        ("http://localhost:8080/a@b", "http://localhost:8080/a@b"),
        ("https://user:p@ss@index.example/simple", "https://***@index.example/simple"),
        ("https://user:pa/ss@index.example/simple", "https://***@index.example/simple"),
        ("proxy = user:pw@proxy.example:3128", "proxy = ***@proxy.example:3128"),
        ("https://index.example/x?hub_token=abc#f", "https://index.example/x?hub_token=***#f"),
        ("HF_TOKEN=hf_short is set", "HF_TOKEN=*** is set"),
        ('"wandb_api_key": "0123abc"', '"wandb_api_key": "***"'),
        ("train --hub-token abc --rank 4", "train --hub-token *** --rank 4"),
        ("Authorization: Basic bWVpOnB3", "Authorization: Basic ***"),
        ("github_pat_11ABCDEFG0123456789_abc", "***"),
        ("pad_token: !", "pad_token: !"),
        ("the tokenizer: missing", "the tokenizer: missing"),
        ("basic settings", "basic settings"),
        ("opencv-python==4.7.0.72", "opencv-python==4.7.0.72"),
    ],
)
def test_text(text, expected):
    assert REDACTOR.text(text) == expected


@pytest.mark.parametrize("home", ["/root", "/home/a", "/home/user"])
def test_short_user_names_rewrite_nothing_else(home):
    redactor = Redactor(home=home)
    text = "canonical_root, a user, root cause, /rooted/path"
    assert redactor.text(text) == text
    assert redactor.text(f"{home}/x") == "~/x"


def test_mapping_keys_are_never_touched():
    tree = {"/home/mei/key": ["/home/mei/value", {"n": 1}]}
    assert REDACTOR.tree(tree) == {"/home/mei/key": ["~/value", {"n": 1}]}


@pytest.mark.parametrize("name", ["data", "env", "ok", "GPU003", "root", "rule", "fail"])
def test_names_that_are_words_of_the_report_rewrite_no_word(name):
    redactor = Redactor(home=f"/home/{name}", host=name, users=(name,))
    for text in (
        "the data root is ok, the env is not: GPU003 fails as a rule",
        "fail: .dualano/env/bin/python",
        "/srv/project/.dualano/env/bin/python",
    ):
        assert redactor.text(text) == text
    assert redactor.tree({name: {"rule": "GPU003", "status": name}}) == {name: {"rule": "GPU003", "status": name}}
    assert redactor.text(f"/home/{name}/x https://{name}/simple") == (
        "~/x https://<host>/simple" if name != "root" else "~/x https://root/simple"
    )


def test_a_home_that_is_the_root_folder_hides_nothing():
    assert Redactor(home="/").text("/srv/x and /") == "/srv/x and /"


def test_what_a_key_calls_a_secret_is_one_whatever_it_looks_like():
    tree = {"hf_token": "abc", "pairs": [["ACCELERATE_TOKEN", "x y"], ["ACCELERATE_USE_CPU", "true"]], "token": None}
    assert REDACTOR.tree(tree) == {
        "hf_token": "***", "pairs": [["ACCELERATE_TOKEN", "***"], ["ACCELERATE_USE_CPU", "true"]], "token": None,
    }  # fmt: skip


def test_this_user_is_known_by_every_name_that_the_system_gives(monkeypatch):
    monkeypatch.setenv("HOME", "/srv/homes/ann")
    monkeypatch.setenv("SUDO_USER", "mei")
    redactor = Redactor.for_this_user()
    assert redactor.text("/srv/homes/ann/x /scratch/mei/y /scratch/ann/z") == "~/x /scratch/<user>/y /scratch/<user>/z"
