import numpy as np
from PIL import Image

from trainer.masks.contact_sheet import MOST, TILE, contact_sheet


def test_each_image_stands_beside_what_the_background_module_sees(tmp_path):
    files = []
    for number in range(MOST + 5):
        path = tmp_path / f"{number:02d}.png"
        Image.new("RGB", (80, 60), (0, 200, 0)).save(path)
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.new("L", (80, 60), 255).save(tmp_path / "masks" / path.name)
        files.append(path)
    sheet = np.asarray(contact_sheet(files, tmp_path / "masks"))
    assert sheet.shape == (MOST // 4 * TILE, 8 * TILE, 3)
    assert (sheet[20, 20] == (0, 200, 0)).all()
    assert (sheet[20, TILE + 20] == 0).all()
