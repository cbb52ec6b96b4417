"""What is built is built once, whole or not at all, and again when its sources change."""

import json
import tarfile
from pathlib import Path

import pytest
from testbed import images
from testbed.images import Layer, Start
from testbed.place import CannotRunError, digest, locked, made_once


def test_a_digest_changes_with_content_and_names_and_nothing_else(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.go").write_text("package main")
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    assert digest(tmp_path / "one", "-flag") != digest(tmp_path / "one")
    (tmp_path / "two" / "main.go").rename(tmp_path / "two" / "other.go")
    assert digest(tmp_path / "one") != digest(tmp_path / "two")


def test_what_fails_half_way_is_not_taken_for_made_and_is_tried_again(tmp_path: Path) -> None:
    target = tmp_path / "built"
    with pytest.raises(CannotRunError), made_once(target) as unfinished:
        assert unfinished is not None
        (unfinished / "half").touch()
        raise CannotRunError("no more disk")
    assert list(tmp_path.iterdir()) == []
    with made_once(target) as unfinished:
        assert unfinished is not None
        (unfinished / "whole").touch()
    with made_once(target) as unfinished:
        assert unfinished is None
    assert [file.name for file in target.iterdir()] == ["whole"]


def test_a_lock_leaves_no_file(tmp_path: Path) -> None:
    with locked(tmp_path / ".lock"):
        assert (tmp_path / ".lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_an_archive_names_its_layers_by_what_is_in_them_and_says_how_to_start(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "train.py").write_text("print()")
    layer: Layer = images._layer(tmp_path / "root", tmp_path / "a.layer")
    again: Layer = images._layer(tmp_path / "root", tmp_path / "b.layer")
    assert layer.digest == again.digest
    images._archive(
        tmp_path / "image.tar", "localhost/train:1", [layer], Start(entrypoint=("python3",), workdir="/opt")
    )
    with tarfile.open(tmp_path / "image.tar") as archive:
        (manifest,) = json.loads(read(archive, "manifest.json"))
        config = json.loads(read(archive, manifest["Config"]))
        assert manifest["RepoTags"] == ["localhost/train:1"]
        assert config["rootfs"]["diff_ids"] == [f"sha256:{layer.digest}"]
        assert (config["config"]["Entrypoint"], config["config"]["WorkingDir"]) == (["python3"], "/opt")
        assert manifest["Layers"][0] in archive.getnames()


@pytest.mark.parametrize("name", ["train", "localhost:5000/train"])
def test_an_image_without_a_tag_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CannotRunError, match="has no tag"):
        images.from_folder(name, tmp_path, tmp_path / "image.tar")


def read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()
