"""The training data: where it is, how it is laid out, what single files are."""

from __future__ import annotations

import shutil
import struct
import zlib
from pathlib import Path

from tests.worlds.project import Project
from tests.worlds.world import RUN, world

PLACE = r"(categor|anomal|data)[^\n]*(not|no )|no such (file|folder|directory)|did you mean"
MASKS = r"mask|ground_truth"
FOREGROUND = r"foreground|object mask|condition_dir"
UNREADABLE = r"cannot (be )?(read|identif)|not an image|empty|corrupt|truncated|unreadable|bits a channel"
STRANGERS = r"not an image|no images|not images|unexpected file|Thumbs|desktop\.ini|eaDir"


def png(width: int, height: int, *, depth: int = 8, colour: int = 0) -> bytes:
    """A black PNG of that size, bit depth and colour type."""
    channels = {0: 1, 2: 3, 3: 1, 6: 4}[colour]
    rows = (b"\0" + bytes(width * channels * depth // 8)) * height

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(6)) if colour == 3 else b""
    body = chunk(b"IHDR", header) + palette + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def first(folder: Path) -> Path:
    """The first file of a folder by name."""
    return sorted(folder.iterdir())[0]


@world(
    "DATA001", source="https://github.com/huggingface/autotrain-advanced/issues/811: root doesn't exist", named_by=PLACE
)
def anomaly_misspelt(p: Project) -> None:
    p.flags["anomaly"] = "scrach"


@world("DATA001", source=f"{RUN}: ValueError: Instance images root doesn't exists.", named_by=PLACE)
def data_root_gone(p: Project) -> None:
    p.flags["data"] = p.root / "mvtec_anomaly_detection"


@world("DATA001", source="torch: num_samples should be a positive integer value, but got num_samples=0", named_by=PLACE)
def root_is_one_folder_too_deep(p: Project) -> None:
    p.flags["data"] = p.data / "widget"


@world("DATA001", source="torch: num_samples=0: the name is right but for a capital letter", named_by=PLACE)
def category_with_a_capital_letter(p: Project) -> None:
    p.flags["category"] = "Widget"


@world(
    "DATA001",
    source="https://github.com/xcyao00/BGAD/issues/3: the archive is there, unpacked it is not",
    named_by=r"mvtec|layout|train/|test/|no categor",
)
def the_archive_was_never_unpacked(p: Project) -> None:
    shutil.rmtree(p.data)
    p.data.mkdir()
    (p.data / "mvtec_anomaly_detection.tar.xz").write_bytes(b"\xfd7zXZ\0")


@world(
    "DATA002",
    source="https://github.com/open-edge-platform/anomalib/issues/147: a set like MVTec's, but without masks",
    named_by=MASKS,
)
def no_ground_truth_as_in_the_guide(p: Project) -> None:
    shutil.rmtree(p.data / "widget" / "ground_truth")


@world(
    "DATA002",
    source="https://github.com/open-edge-platform/anomalib/issues/785: masks of labelme in a folder of another name",
    named_by=MASKS,
)
def masks_beside_the_images(p: Project) -> None:
    p.masks.rename(p.data / "widget" / "scratch_masks")


@world(
    "DATA001",
    source="arXiv:2503.21622: MVTec AD 2, test_public/bad with test_public/ground_truth/bad inside it",
    named_by=r"MVTec AD 2|test_public",
)
def the_layout_of_mvtec_ad_2(p: Project) -> None:
    public = p.data / "widget" / "test_public"
    (p.data / "widget" / "test").rename(public)
    (p.data / "widget" / "ground_truth").rename(public / "ground_truth")


@world("DATA001", source="github.com/amazon-science/spot-diff, VisA: Data/Images/Anomaly", named_by=r"VisA|Data/Images")
def the_layout_of_visa(p: Project) -> None:
    widget = p.data / "widget"
    for old, new in (
        ("test/scratch", "Images/Anomaly"),
        ("train/good", "Images/Normal"),
        ("ground_truth/scratch", "Masks/Anomaly"),
    ):
        (widget / "Data" / new).parent.mkdir(parents=True, exist_ok=True)
        (widget / old).rename(widget / "Data" / new)
    for rest in ("test", "train", "ground_truth"):
        shutil.rmtree(widget / rest)


@world(
    "DATA001",
    source="https://github.com/open-edge-platform/anomalib/issues/785: folders good, images and masks, no test/",
    named_by=r"flat folders",
)
def flat_folders_of_ones_own(p: Project) -> None:
    widget = p.data / "widget"
    p.images.rename(p.data / "images")
    p.masks.rename(p.data / "masks")
    (widget / "train" / "good").rename(p.data / "good")
    shutil.rmtree(widget)


@world(
    "DATA002",
    source="Bergmann et al., IJCV 2022, MVTec LOCO: a folder of masks for each image",
    named_by=r"LOCO|folder of masks",
)
def the_layout_of_mvtec_loco(p: Project) -> None:
    for mask in sorted(p.masks.iterdir()):
        folder = p.masks / mask.stem.removesuffix("_mask")
        folder.mkdir()
        mask.rename(folder / "000.png")


@world(
    "DATA003",
    source="textile data with two defects an image: 000_mask1.png and 000_mask2.png",
    named_by=r"join|merge|several masks",
)
def several_masks_for_one_image(p: Project) -> None:
    for mask in sorted(p.masks.iterdir()):
        stem = mask.stem
        shutil.copyfile(mask, mask.with_name(f"{stem}2.png"))
        mask.rename(mask.with_name(f"{stem}1.png"))


@world("DATA003", source=f"{RUN}: FileNotFoundError: .../ground_truth/.../000_mask.png", named_by=MASKS)
def a_mask_is_missing(p: Project) -> None:
    first(p.masks).unlink()


@world(
    "DATA003",
    source="https://github.com/open-edge-platform/anomalib/issues/785: masks named by the annotation tool",
    named_by=MASKS,
)
def masks_named_differently(p: Project) -> None:
    for mask in sorted(p.masks.iterdir()):
        mask.rename(mask.with_name("label_" + mask.name))


@world(
    "DATA003",
    source=f"{RUN}: ValueError: images do not match: an object mask of another size",
    named_by=r"size|\d+ x \d+",
)
def an_object_mask_of_another_size(p: Project) -> None:
    first(p.foreground / "widget" / "scratch").write_bytes(png(40, 30))


@world("DATA004", source="PIL.UnidentifiedImageError: cannot identify image file, of zero bytes", named_by=UNREADABLE)
def an_empty_image(p: Project) -> None:
    first(p.images).write_bytes(b"")


@world(
    "DATA004", source="a download link that gave a page: unpickling and image readers stop at '<'", named_by=UNREADABLE
)
def a_web_page_named_png(p: Project) -> None:
    first(p.images).write_bytes(b"<!DOCTYPE html><html><title>Quota exceeded</title></html>")


@world(
    "DATA004",
    source="git clone without Git LFS: 130 bytes of text where the picture should be",
    named_by=UNREADABLE + r"|git.?lfs",
)
def images_that_are_lfs_pointers(p: Project) -> None:
    for image in p.images.iterdir():
        image.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'1' * 64}\nsize 90210\n")


@world(
    "DATA004",
    source="https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/issues/321: 16-bit images come out black or white",
    named_by=UNREADABLE + r"|16.?bit",
)
def images_of_16_bits(p: Project) -> None:
    for image in sorted(p.images.iterdir()):
        image.write_bytes(png(128, 128, depth=16))


@world(
    "DATA005",
    source="https://github.com/yinyjin/DualAnoDiff/issues/14: condition_dir has to be filled with U-2-Net's masks",
    named_by=FOREGROUND,
)
def no_foreground_masks(p: Project) -> None:
    shutil.rmtree(p.foreground)


@world(
    "DATA005",
    source=f"{RUN}: FileNotFoundError of an object mask: the folder has those of another category",
    named_by=FOREGROUND,
)
def foreground_masks_of_another_category(p: Project) -> None:
    (p.foreground / "widget").rename(p.foreground / "cable")


@world(
    "DATA005",
    source=f"{RUN}: FileNotFoundError: '<condition_dir>/<object>/<anomaly>/<file>', one mask is lacking",
    named_by=FOREGROUND,
    stays="masks that somebody made are not mixed with new ones: the fix asks the user to complete the set",
)
def one_foreground_mask_is_lacking(p: Project) -> None:
    first(p.foreground / "widget" / "scratch").unlink()


@world(
    "DATA006", source=f"{RUN}: a third of the images is trained on", named_by=r"few|only one|1 image|number of images"
)
def one_image_only(p: Project) -> None:
    for folder in (p.images, p.masks, p.foreground / "widget" / "scratch"):
        for file in sorted(folder.iterdir())[1:]:
            file.unlink()


@world(
    "DATA006",
    source="torch: num_samples should be a positive integer value",
    named_by=r"no image|empty|0 images|num_samples",
)
def the_anomalys_folder_is_empty(p: Project) -> None:
    for folder in (p.images, p.masks, p.foreground / "widget" / "scratch"):
        for file in folder.iterdir():
            file.unlink()


@world(
    "DATA006", source=f"{RUN}: IndexError: list index out of range: two good images leave none", named_by=r"few|good"
)
def two_good_images(p: Project) -> None:
    for file in sorted((p.data / "widget" / "train" / "good").iterdir())[2:]:
        file.unlink()


@world(
    "DATA007",
    "SRC006",
    checkout=True,
    causes=2,
    source=f"{RUN}: every `test` of the path becomes `ground_truth`",
    named_by=r"test[^\n]*path|path[^\n]*test",
)
def the_path_says_test_twice(p: Project) -> None:
    (p.root / "latest").mkdir()
    p.data.rename(p.root / "latest" / "mvtec")
    p.flags["data"] = p.root / "latest" / "mvtec"
    p.add_checkout("mask-path")


@world(
    "DATA007",
    checkout=True,
    source=f"{RUN}: JPEG images, for which the trainer finds no masks",
    named_by=r"\bpng\b|jpe?g",
)
def jpeg_images(p: Project) -> None:
    for image in sorted(p.images.iterdir()):
        image.write_bytes(jpeg(128, 128))
        image.rename(image.with_suffix(".jpg"))


def jpeg(width: int, height: int, orientation: int = 1) -> bytes:
    """The header of a JPEG of that size, with EXIF's word on how it is turned."""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    frame = struct.pack(">BHHB", 8, height, width, 3) + bytes(9)
    return b"".join(
        (
            b"\xff\xd8",
            b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif,
            b"\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame,
            b"\xff\xd9",
        )
    )


@world("DATA008", source="PIL.UnidentifiedImageError: cannot identify image file '/data/Thumbs.db'", named_by=STRANGERS)
def thumbs_db(p: Project) -> None:
    (p.images / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")


@world(
    "DATA008",
    checkout=True,
    source=f"{RUN}: every entry counts as an image, folders too",
    named_by=STRANGERS + "|checkpoints",
)
def jupyter_left_a_folder(p: Project) -> None:
    (p.images / ".ipynb_checkpoints").mkdir()
    (p.images / ".ipynb_checkpoints" / "note.txt").write_text("x")


@world("DATA008", source="folders that a NAS and Windows leave among pictures: @eaDir, desktop.ini", named_by=STRANGERS)
def a_nas_left_its_index(p: Project) -> None:
    (p.images / "@eaDir").mkdir()
    (p.images / "desktop.ini").write_text("[.ShellClassInfo]\n")
