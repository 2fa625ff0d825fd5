"""Small data sets made after the published descriptions of their layouts: 4 defects and 5 good images each.

Every image is 40 x 32 pixels and every defect covers the columns 10 to 19 and the rows 8 to 15, so that a test knows
what each imported mask must mark.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 40, 32
LEFT, TOP, RIGHT, BOTTOM = 10, 8, 20, 16
DEFECTS, GOOD = 4, 5
POLYGON = [LEFT, TOP, RIGHT - 1, TOP, RIGHT - 1, BOTTOM - 1, LEFT, BOTTOM - 1]


@dataclass(frozen=True)
class Published:
    """One source, and what must come out of it."""

    source: Path
    category: str
    anomaly: str
    title: str
    train_good: int
    test_good: int


def truth() -> np.ndarray:
    """The mask (H, W) of every defect, true = marked."""
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[TOP:BOTTOM, LEFT:RIGHT] = True
    return mask


def image(path: Path, *, defect: bool = False) -> None:
    """A grey picture, with a darker defect."""
    pixels = np.full((HEIGHT, WIDTH, 3), 150, np.uint8)
    pixels += np.random.default_rng(sum(map(ord, path.name))).integers(0, 20, pixels.shape, dtype=np.uint8)
    if defect:
        pixels[truth()] = 40
    save(path, pixels)


def mask(path: Path, value: int = 255, marked: np.ndarray | None = None) -> None:
    """The mask with `value` where it marks."""
    save(path, ((truth() if marked is None else marked) * value).astype(np.uint8))


def save(path: Path, pixels: np.ndarray) -> None:
    """An image file, whatever the case of its ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    formats = {".jpg": "JPEG", ".png": "PNG", ".bmp": "BMP", ".tif": "TIFF"}
    Image.fromarray(pixels).save(path, format=formats[path.suffix.lower()])


def mvtec(root: Path, *folders: tuple[str, int], ending: str = ".png") -> None:
    """Folders of good images with so many each."""
    for folder, number in folders:
        for index in range(number):
            image(root / folder / f"{index:03d}{ending}")


def mvtec_ad(root: Path) -> Published:
    """MVTec AD: `bottle/{train/good,test/<defect>,ground_truth/<defect>/NNN_mask.png}` (Bergmann et al., IJCV 2021)."""
    mvtec(root / "bottle", ("train/good", GOOD), ("test/good", 2))
    for index in range(DEFECTS):
        image(root / "bottle/test/broken" / f"{index:03d}.png", defect=True)
        mask(root / "bottle/ground_truth/broken" / f"{index:03d}_mask.png")
    return Published(root, "bottle", "broken", "MVTec AD", GOOD, 2)


def mpdd(root: Path) -> Published:
    """MPDD has MVTec AD's layout, e.g. `bracket_black/test/hole` (Jezek et al., ICUMT 2021)."""
    mvtec(root / "bracket_black", ("train/good", GOOD), ("test/good", 2))
    for index in range(DEFECTS):
        image(root / "bracket_black/test/hole" / f"{index:03d}.png", defect=True)
        mask(root / "bracket_black/ground_truth/hole" / f"{index:03d}_mask.png")
    return Published(root, "bracket_black", "hole", "MVTec AD", GOOD, 2)


def mvtec_ad_2(root: Path) -> Published:
    """MVTec AD 2: `can/test_public/{good,bad,ground_truth/bad}`, `validation/good`, private tests without masks; names
    end in the light's (`000_regular.png`, `000_regular_mask.png`) (Heckler-Kram et al., 2025, arXiv:2503.21622)."""
    can = root / "can"
    mvtec(can, ("train/good", GOOD), ("validation/good", 2), ("test_public/good", 2), ("test_private", 3))
    for index in range(DEFECTS):
        image(can / "test_public/bad" / f"{index:03d}_regular.png", defect=True)
        mask(can / "test_public/ground_truth/bad" / f"{index:03d}_regular_mask.png")
    return Published(root, "can", "bad", "MVTec AD 2", GOOD + 2, 2)


def mvtec_loco(root: Path) -> Published:
    """MVTec LOCO AD: `ground_truth/<type>/<image>/<NNN>.png`, one mask a defect, with a value of the defect's kind
    below 256; `validation/good` besides (Bergmann et al., IJCV 2022)."""
    box = root / "breakfast_box"
    mvtec(box, ("train/good", GOOD), ("validation/good", 2), ("test/good", 2))
    for index in range(DEFECTS):
        image(box / "test/structural_anomalies" / f"{index:03d}.png", defect=True)
        folder = box / "ground_truth/structural_anomalies" / f"{index:03d}"
        half = truth() & (np.arange(WIDTH) < 15)
        mask(folder / "000.png", 236, half)
        mask(folder / "001.png", 252, truth() & ~half)
    return Published(root, "breakfast_box", "structural_anomalies", "MVTec LOCO AD", GOOD + 2, 2)


def visa(root: Path) -> Published:
    """VisA: `candle/Data/Images/{Normal,Anomaly}/*.JPG`, `Data/Masks/Anomaly/*.png` with class numbers, and
    `split_csv/1cls.csv` with the columns object, split, label, image, mask (Zou et al., ECCV 2022)."""
    rows = ["object,split,label,image,mask"]
    for index in range(GOOD):
        image(root / "candle/Data/Images/Normal" / f"{index:04d}.JPG")
        rows.append(f"candle,{'test' if index == 0 else 'train'},normal,candle/Data/Images/Normal/{index:04d}.JPG,")
    for index in range(DEFECTS):
        image(root / "candle/Data/Images/Anomaly" / f"{index:03d}.JPG", defect=True)
        mask(root / "candle/Data/Masks/Anomaly" / f"{index:03d}.png", 1 + index)
    (root / "split_csv").mkdir()
    (root / "split_csv/1cls.csv").write_text("\n".join(rows) + "\n")
    return Published(root, "candle", "Anomaly", "VisA", GOOD - 1, 1)


def btad(root: Path) -> Published:
    """BTAD: `01/{train/ok,test/{ok,ko},ground_truth/ko}`, images and masks of one name, product 03 all BMP
    (Mishra et al., ISIE 2021; BTech_Dataset_transformed)."""
    mvtec(root / "03", ("train/ok", GOOD), ("test/ok", 2), ending=".bmp")
    for index in range(DEFECTS):
        image(root / "03/test/ko" / f"{index:04d}.bmp", defect=True)
        mask(root / "03/ground_truth/ko" / f"{index:04d}.bmp")
    return Published(root, "03", "ko", "BTAD", GOOD, 2)


def real_iad(root: Path) -> Published:
    """Real-IAD: `realiad_1024/<category>/{OK,NG/<code>}/S0001/*.jpg`, masks beside the images, and
    `realiad_jsons/realiad_jsons/<category>.json` with `meta`, `train`, `test` (Wang et al., CVPR 2024)."""
    folder = root / "realiad_1024/audiojack"
    table: dict = {"meta": {"normal_class": "OK", "prefix": "audiojack/"}, "train": [], "test": []}
    for index in range(GOOD):
        name = f"OK/S{index:04d}/audiojack_{index:04d}_OK_C1.jpg"
        image(folder / name)
        row = {"category": "audiojack", "anomaly_class": "OK", "image_path": name, "mask_path": None}
        table["test" if index == 0 else "train"].append(row)
    for index in range(DEFECTS):
        name = f"NG/QS/S{index:04d}/audiojack_{index:04d}_NG_QS_C1"
        image(folder / f"{name}.jpg", defect=True)
        mask(folder / f"{name}.png")
        paths = {"image_path": f"{name}.jpg", "mask_path": f"{name}.png"}
        table["test"].append({"category": "audiojack", "anomaly_class": "QS", **paths})
    place = root / "realiad_jsons/realiad_jsons/audiojack.json"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(table))
    return Published(root / "realiad_1024", "audiojack", "QS", "Real-IAD", GOOD - 1, 1)


def coco(root: Path) -> Published:
    """COCO: `images`, `annotations` with `segmentation` as polygons, runs by columns, or runs compressed to text, and
    `categories` (cocodataset.org, "Data format"; pycocotools writes the text)."""
    from pycocotools import mask as tools

    runs = tools.encode(np.asfortranarray(truth().astype(np.uint8)))
    plain = _runs(truth().T.reshape(-1))
    outlines: list = [
        [POLYGON],
        {"size": [HEIGHT, WIDTH], "counts": plain},
        {"size": [HEIGHT, WIDTH], "counts": runs["counts"].decode()},
        [POLYGON],
    ]
    images, annotations = [], []
    for index in range(DEFECTS + GOOD):
        image(root / "images" / f"{index:03d}.jpg", defect=index < DEFECTS)
        images.append({"id": index + 1, "file_name": f"{index:03d}.jpg", "width": WIDTH, "height": HEIGHT})
        if index < DEFECTS:
            row = {"id": index, "image_id": index + 1, "category_id": 7, "segmentation": outlines[index]}
            annotations.append({**row, "bbox": [LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP], "iscrowd": 0})
    document = {"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "dent"}]}
    (root / "instances.json").write_text(json.dumps(document))
    return Published(root / "instances.json", root.name, "dent", "COCO", GOOD - 1, 1)


def yolo(root: Path) -> Published:
    """YOLO: `data.yaml` with `names`, `images/train/*`, `labels/train/*.txt` of lines `class x1 y1 x2 y2 ...` from 0 to
    1; a background image has no file or an empty one (docs.ultralytics.com/datasets/segment)."""
    (root / "labels/train").mkdir(parents=True)
    for index in range(DEFECTS + GOOD):
        image(root / "images/train" / f"{index:03d}.jpg", defect=index < DEFECTS)
        points = [number / (HEIGHT if place % 2 else WIDTH) for place, number in enumerate(POLYGON)]
        line = " ".join(["0", *(f"{number:.6f}" for number in points)])
        if index <= DEFECTS:
            (root / "labels/train" / f"{index:03d}.txt").write_text(f"{line}\n" if index < DEFECTS else "")
    (root / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/train\nnames:\n  0: dent\n")
    return Published(root, root.name, "dent", "YOLO segmentation", GOOD - 1, 1)


def labelme(root: Path) -> Published:
    """LabelMe: `<stem>.json` beside the image with `shapes` (`label`, `points`, `shape_type` polygon, rectangle, mask),
    `imagePath`, `imageWidth`, `imageHeight` (github.com/wkentaro/labelme)."""
    piece = io.BytesIO()
    Image.fromarray(np.full((BOTTOM - TOP, RIGHT - LEFT), 255, np.uint8)).convert("1").save(piece, format="PNG")
    corners = [[LEFT, TOP], [RIGHT - 1, BOTTOM - 1]]
    polygon = [[POLYGON[place], POLYGON[place + 1]] for place in range(0, len(POLYGON), 2)]
    shapes: list[dict] = [
        {"points": polygon, "shape_type": "polygon"},
        {"points": [[RIGHT, BOTTOM], [LEFT, TOP]], "shape_type": "rectangle"},
        {"points": corners, "shape_type": "mask", "mask": base64.b64encode(piece.getvalue()).decode()},
        {"points": polygon, "shape_type": "polygon"},
    ]
    for index in range(DEFECTS + GOOD):
        image(root / f"{index:03d}.jpg", defect=index < DEFECTS)
        if index < DEFECTS:
            document = {"version": "5.4.1", "flags": {}, "shapes": [{"label": "dent", **shapes[index]}]}
            document |= {"imagePath": f"{index:03d}.jpg", "imageData": None}
            (root / f"{index:03d}.json").write_text(
                json.dumps({**document, "imageHeight": HEIGHT, "imageWidth": WIDTH})
            )
    return Published(root, root.name, "dent", "LabelMe", GOOD - 1, 1)


def cvat(root: Path) -> Published:
    """CVAT for images 1.1: `annotations.xml` with `<image>` rows that hold `<polygon points>`, `<box>`, `<mask rle>`
    (runs by rows within its own box), and the images in `images/` (docs.cvat.ai, "CVAT for image")."""
    points = ";".join(f"{POLYGON[place]}.00,{POLYGON[place + 1]}.00" for place in range(0, len(POLYGON), 2))
    size = f'left="{LEFT}" top="{TOP}" width="{RIGHT - LEFT}" height="{BOTTOM - TOP}"'
    shapes = [
        f'<polygon label="dent" source="manual" occluded="0" points="{points}" z_order="0"></polygon>',
        f'<box label="dent" xtl="{LEFT}" ytl="{TOP}" xbr="{RIGHT}" ybr="{BOTTOM}"></box>',
        f'<mask label="dent" rle="0, {(RIGHT - LEFT) * (BOTTOM - TOP)}" {size}></mask>',
        f'<polygon label="dent" points="{points}"></polygon>',
    ]
    rows = []
    for index in range(DEFECTS + GOOD):
        image(root / "images" / f"{index:03d}.jpg", defect=index < DEFECTS)
        shape = shapes[index] if index < DEFECTS else ""
        rows.append(f'<image id="{index}" name="{index:03d}.jpg" width="{WIDTH}" height="{HEIGHT}">{shape}</image>')
    text = "".join(("<annotations><version>1.1</version><meta></meta>", *rows, "</annotations>"))
    (root / "annotations.xml").write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{text}')
    return Published(root, root.name, "dent", "CVAT for images", GOOD - 1, 1)


def flat(root: Path) -> Published:
    """A user's own: good images, anomalous ones and masks in three folders, paired by stem; endings in any case."""
    for index in range(GOOD):
        image(root / "good" / f"IMG_{index:02d}.PNG")
    for index in range(DEFECTS):
        image(root / "images" / f"IMG_{index:02d}.TIF", defect=True)
        mask(root / "masks" / f"gt-img_{index:02d}_final.Png")
    return Published(root, root.name, "defect", "flat folders", GOOD - 1, 1)


def _runs(values: np.ndarray) -> list[int]:
    """Lengths of runs, the first of unmarked values."""
    edges = np.flatnonzero(np.diff(values.astype(np.int8), prepend=0, append=0))
    bounds = [0, *edges.tolist(), len(values)]
    return [end - start for start, end in itertools.pairwise(bounds)]


ALL: dict[str, Callable[[Path], Published]] = {
    "mvtec": mvtec_ad,
    "mpdd": mpdd,
    "mvtec-ad-2": mvtec_ad_2,
    "mvtec-loco": mvtec_loco,
    "visa": visa,
    "btad": btad,
    "real-iad": real_iad,
    "coco": coco,
    "yolo": yolo,
    "labelme": labelme,
    "cvat": cvat,
    "flat": flat,
}
