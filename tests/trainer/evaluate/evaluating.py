"""A category of drawn pictures with drawn pairs in the place of generated ones."""

from PIL import Image

from trainer.miniature.world.categories import draw_category, write_category

CATEGORY, ANOMALIES = "bottle", ("hole", "scratch")


def write_world(folder, *, pairs=4, each=6, good=6):
    """`data` in MVTec AD's layout, `generated/<category>/<anomaly>` with image and mask; the folder."""
    write_category(CATEGORY, folder / "data", folder / "foreground", seed=0, good=good, each=each, kinds=ANOMALIES)
    for anomaly in ANOMALIES:
        for index in range(pairs):
            picture = draw_category(CATEGORY, anomaly, 1, 1000 + index)
            for name, pixels in (("image", picture.image), ("mask", picture.anomaly_mask)):
                path = folder / "generated" / CATEGORY / anomaly / name / f"{index}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    return folder
