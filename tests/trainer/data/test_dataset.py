"""Strangers' folders: whatever is wrong with them is said in one message."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from trainer.data.dataset import TrainingSet
from trainer.data.images import image_size, list_images, read_image
from trainer.errors import TrainerError


@pytest.fixture
def world(tmp_path):
    """A small MVTec-layout data set whose root has `test` and `.png` in its own path."""
    root = tmp_path / "latest.png test"
    for number in range(4):
        save(root / "nut" / "test" / "crack" / f"{number:03d}.png", (32, 32), number)
        save(root / "nut" / "ground_truth" / "crack" / f"{number:03d}_mask.png", (32, 32), number, "L")
        save(tmp_path / "objects" / "nut" / "crack" / f"{number:03d}.png", (32, 32), number, "L")
    return tmp_path, root / "nut" / "test" / "crack"


def save(path, size, seed, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = (3,) if mode == "RGB" else ()
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], *channels), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def training_set(world, **changes):
    settings = {"condition_dir": world[0] / "objects", "resolution": 16, "variant": "bcm"} | changes
    return TrainingSet(world[1], **settings)


def test_the_mask_path_is_not_made_by_replacing_text(world):
    data = training_set(world)
    assert len(data) == 2
    assert data.items[0].mask == world[1].parent.parent / "ground_truth" / "crack" / "000_mask.png"


def test_flips_are_flips(world):
    data = training_set(world)
    plain = data.tensors(0, hflip=False, vflip=False)
    both = data.tensors(0, hflip=True, vflip=True)
    for name, array in plain.items():
        assert array.shape == (3, 16, 16)
        assert np.abs(array).max() <= 1
        assert np.abs(both[name][:, ::-1, ::-1] - array).max() < 0.02


def test_outside_the_anomaly_the_part_is_mid_grey(world):
    arrays = training_set(world).tensors(0, hflip=False, vflip=False)
    inside = (arrays["part"] != 0).any(axis=0)
    assert 0 < inside.sum() < inside.size
    assert np.array_equal(arrays["part"][:, inside], arrays["image"][:, inside])
    assert not arrays["part"][:, ~inside].any()


def test_a_white_object_mask_leaves_nothing_and_a_black_one_everything(world):
    folder = world[0] / "objects" / "nut" / "crack"
    Image.new("L", (32, 32), 255).save(folder / "000.png")
    Image.new("L", (32, 32), 0).save(folder / "001.png")
    data = training_set(world)
    assert (data.tensors(0, hflip=False, vflip=False)["condition"] == -1).all()
    arrays = data.tensors(1, hflip=False, vflip=False)
    assert np.array_equal(arrays["condition"], arrays["image"])


def test_wide_images_are_cropped_where_asked(world):
    for kind in (world[1], world[0] / "objects" / "nut" / "crack"):
        save(kind / "000.png", (48, 32), 9, "RGB" if kind == world[1] else "L")
    save(world[1].parent.parent / "ground_truth" / "crack" / "000_mask.png", (48, 32), 9, "L")
    data = training_set(world)
    assert data.crop_range(0) == (0, 8)
    left = data.tensors(0, hflip=False, vflip=False, crop=(0, 0))["image"]
    centre = data.tensors(0, hflip=False, vflip=False)["image"]
    assert np.array_equal(left[:, :, 4:], centre[:, :, :-4])
    with pytest.raises(ValueError, match="leaves"):
        data.tensors(0, hflip=False, vflip=False, crop=(0, 9))
    assert training_set(world, center_crop=True).crop_range(0) == (0, 0)


def test_photographs_are_turned_as_their_camera_says(world):
    image = Image.fromarray(np.arange(32 * 24 * 3, dtype=np.uint32).astype(np.uint8).reshape(24, 32, 3))
    exif = Image.Exif()
    exif[0x0112] = 6
    (world[1] / "000.png").unlink()
    image.save(world[1] / "000.jpg", exif=exif, quality=100)
    for folder in (world[0] / "objects" / "nut" / "crack", world[1].parent.parent / "ground_truth" / "crack"):
        suffix = "_mask" if folder.parent.name == "ground_truth" else ""
        save(folder / f"000{suffix}.png", (24, 32), 1, "L")
    data = training_set(world)
    assert data.items[0].size == (24, 32)
    assert read_image(data.items[0].image).size == (24, 32)


def test_any_folder_trains_with_a_mask_folder(tmp_path):
    save(tmp_path / "mine" / "a.jpg", (20, 20), 1)
    save(tmp_path / "masks" / "a.png", (20, 20), 1, "L")
    settings = {"condition_dir": None, "resolution": 16, "variant": "dual"}
    with pytest.raises(TrainerError, match="--mask_dir"):
        TrainingSet(tmp_path / "mine", **settings)
    data = TrainingSet(tmp_path / "mine", mask_dir=tmp_path / "masks", **settings)
    assert set(data.tensors(0, hflip=False, vflip=False)) == {"image", "part"}


def test_what_is_not_an_image_is_not_counted(world):
    for name in ("Thumbs.db", "._000.png", ".DS_Store"):
        (world[1] / name).write_bytes(b"x")
    assert len(list_images(world[1])) == 4


def break_missing_mask(world):
    (world[1].parent.parent / "ground_truth" / "crack" / "001_mask.png").unlink()


def break_missing_object_mask(world):
    (world[0] / "objects" / "nut" / "crack" / "001.png").unlink()


def break_mask_size(world):
    save(world[1].parent.parent / "ground_truth" / "crack" / "001_mask.png", (16, 16), 1, "L")


def break_object_mask_size(world):
    save(world[0] / "objects" / "nut" / "crack" / "001.png", (33, 32), 1, "L")


def break_cut_off(world):
    path = world[1] / "001.png"
    path.write_bytes(path.read_bytes()[:20])


def break_text(world):
    (world[1] / "001.png").write_text("not an image")


def break_no_images(world):
    for path in world[1].iterdir():
        path.unlink()


def break_no_folder(world):
    world[1].rename(world[1].with_name("cracks"))


def break_bomb(world):
    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    (world[1] / "001.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b""))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (break_missing_mask, ["001.png", "001_mask.png"]),
        (break_missing_object_mask, ["001.png", "dualano-doctor foreground"]),
        (break_mask_size, ["001_mask.png", "16 x 16", "32 x 32"]),
        (break_object_mask_size, ["object mask", "33 x 32"]),
        (break_cut_off, ["001.png"]),
        (break_text, ["001.png"]),
        (break_no_images, ["No images"]),
        (break_no_folder, ["crack"]),
        (break_bomb, ["001.png", "pixels"]),
    ],
)
def test_a_broken_folder_is_named(world, damage, words):
    damage(world)
    with pytest.raises(TrainerError) as caught:
        training_set(world)
    for word in words:
        assert word in str(caught.value)


def test_a_file_whose_end_is_missing_is_named_when_it_is_read(world):
    path = world[1] / "000.png"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(TrainerError, match=r"000\.png"):
        training_set(world).tensors(0, hflip=False, vflip=False)


def test_sixteen_bit_images_are_refused_rather_than_clipped(world):
    Image.fromarray(np.full((32, 32), 4000, np.uint16)).save(world[1] / "000.png")
    with pytest.raises(TrainerError, match="8 bits"):
        training_set(world).tensors(0, hflip=False, vflip=False)


def test_upstream_accepts_masks_of_another_size(world):
    break_mask_size(world)
    assert len(training_set(world, faithful=True)) == 2


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"condition_dir": None}, "condition_dir"), ({"resolution": 0}, "resolution"), ({"selection": "x"}, "sorted")],
)
def test_settings_that_do_not_fit_are_refused(world, changes, word):
    with pytest.raises(TrainerError, match=word):
        training_set(world, **changes)


def rewrite(path, change):
    with Image.open(path) as image:
        changed = change(np.asarray(image.convert("L")))
    Image.fromarray(changed.astype(np.uint8)).save(path)


@pytest.mark.parametrize("which", ["anomaly", "object"])
def test_masks_of_zeros_and_ones_are_not_taken_for_black(world, which):
    masks = world[1].parent.parent / "ground_truth" / "crack" / "000_mask.png"
    path = masks if which == "anomaly" else world[0] / "objects" / "nut" / "crack" / "000.png"
    rewrite(path, lambda values: values >= 128)
    with pytest.raises(TrainerError, match="expected 0 and 255"):
        training_set(world).tensors(0, hflip=False, vflip=False)


def test_a_black_anomaly_mask_is_an_error(world):
    rewrite(world[1].parent.parent / "ground_truth" / "crack" / "000_mask.png", lambda values: values * 0)
    with pytest.raises(TrainerError, match="nothing to learn"):
        training_set(world).tensors(0, hflip=False, vflip=False)


def test_masks_beside_their_images_do_not_train(tmp_path):
    save(tmp_path / "000.png", (32, 32), 1)
    save(tmp_path / "000_mask.png", (32, 32), 2, "L")
    with pytest.raises(TrainerError, match="its own anomaly mask"):
        TrainingSet(tmp_path, condition_dir=None, resolution=16, variant="dual", selection="all", mask_dir=tmp_path)


def test_endings_in_capitals_are_found(world):
    path = world[1].parent.parent / "ground_truth" / "crack" / "000_mask.png"
    path.rename(path.with_suffix(".PNG"))
    assert training_set(world).items[0].mask.name == "000_mask.PNG"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", [".tif", ".jpg", ".png"])
def test_the_size_in_the_header_is_that_of_the_turned_image(tmp_path, ending, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo{ending}"
    Image.new("RGB", (40, 80)).save(path, exif=exif)
    assert image_size(path) == read_image(path).size
