"""CompreFace's own Python SDK, unchanged, against the running server.

scripts/test-sdk starts the server and calls this with its port, a key, and the folder of pictures.
Every step says what it found; the first that is wrong ends the run.
"""

import sys
from pathlib import Path

from compreface import CompreFace
from compreface.collections import FaceCollection
from compreface.collections.face_collections import Subjects


def main(port: str, key: str, pictures: Path) -> None:
    # The port alone is what differs from a program written for CompreFace.
    compreface = CompreFace("http://127.0.0.1", port)
    recognition = compreface.init_face_recognition(key)
    detection = compreface.init_face_detection(key)
    verification = compreface.init_face_verification(key)
    faces: FaceCollection = recognition.get_face_collection()
    subjects: Subjects = recognition.get_subjects()

    people = {
        "Elijah Wood": ["elijah_wood/ElijahWood-GQ-02.jpg", "elijah_wood/elijah-wood-mcu.jpg"],
        "Sean Astin": ["sean_astin/636px-Sean_Astin.jpg", "sean_astin/sean-astin-5.jpg"],
        "Billy Boyd": ["billy_boyd/640px-Billy_boyd_2022_1.jpg", "billy_boyd/billy-boyd-AAP.jpg"],
    }
    stranger = "martin_freeman/martin-freeman-2014-450x600.jpg"
    path = lambda relative: str(pictures / relative)

    step("empty at first", subjects.list(), {"subjects": []})

    # Enrol: by path and by bytes.
    ids = {}
    for name, (first, _) in people.items():
        added = faces.add(image_path=path(first), subject=name)
        check("enrol", added, added.get("subject") == name and len(added.get("image_id", "")) == 36)
        ids[name] = added["image_id"]
    again = faces.add(Path(path("sean_astin/sean-astin.jpg")).read_bytes(), "Sean Astin", {"det_prob_threshold": 0.5})
    check("enrol bytes", again, again["subject"] == "Sean Astin" and again["image_id"] != ids["Sean Astin"])
    step("add a subject without faces", subjects.add("Nobody"), {"subject": "Nobody"})
    step("add it again", subjects.add("Nobody"), {"message": "Subject already exists", "code": 43})

    # List.
    names = sorted([*people, "Nobody"])
    step("list subjects", subjects.list(), {"subjects": names})
    listed = faces.list()
    check("list faces", listed, listed["total_elements"] == 4
          and {face["image_id"] for face in listed["faces"]} == {*ids.values(), again["image_id"]})

    # Recognise.
    options = {"limit": 0, "det_prob_threshold": 0.5, "prediction_count": 2,
               "face_plugins": "age,gender,landmarks,calculator,mask", "status": True}
    for name, (_, second) in people.items():
        answer = recognition.recognize(image_path=path(second), options=options)
        best = answer["result"][0]["subjects"]
        check(f"recognise {name}", best, best[0]["subject"] == name and best[0]["similarity"] > 0.5
              and best[1]["similarity"] < 0.5)
        face = answer["result"][0]
        check("parts", sorted(face), sorted(face) == ["box", "embedding", "execution_time", "landmarks", "subjects"])
    answer = recognition.recognize(path(stranger))
    best = answer["result"][0]["subjects"][0]
    check("a stranger is close to nobody", best, best["similarity"] < 0.5)

    # Detect.
    found = detection.detect(path(people["Billy Boyd"][0]), {"face_plugins": "landmarks"})
    check("detect", found, len(found["result"]) == 1 and len(found["result"][0]["landmarks"]) == 5)

    # Verify: with an enrolled face, and two pictures.
    first, second = people["Elijah Wood"]
    for name, is_same in [("Elijah Wood", True), ("Billy Boyd", False)]:
        answer = faces.verify(image_path=path(second), image_id=ids[name])
        similarity = answer["result"][0]["similarity"]
        check(f"verify with {name}", similarity, (similarity > 0.5) == is_same)
    for target, is_same in [(second, True), (stranger, False)]:
        answer = verification.verify(path(first), path(target), {"limit": 1, "status": True})
        similarity = answer["result"][0]["face_matches"][0]["similarity"]
        check(f"verify two pictures, {target}", similarity, (similarity > 0.5) == is_same)

    # Rename, and merge by renaming.
    step("rename", subjects.update("Billy Boyd", "Pippin"), {"updated": True})
    step("rename to the same", subjects.update("Pippin", "Pippin"), {"updated": False})
    answer = recognition.recognize(path(people["Billy Boyd"][1]))
    check("recognise by the new name", answer["result"][0]["subjects"],
          answer["result"][0]["subjects"][0]["subject"] == "Pippin")
    step("merge", subjects.update("Nobody", "Pippin"), {"updated": True})
    step("rename somebody unknown", subjects.update("Nobody", "x"), {"message": "Subject Nobody not found", "code": 42})

    # Delete.
    gone = ids["Elijah Wood"]
    step("delete a face", faces.delete(gone), {"image_id": gone, "subject": "Elijah Wood"})
    step("delete it again", faces.delete(gone), {"message": f"Image {gone} not found", "code": 44})
    step("delete a subject's faces", faces.delete_all("Sean Astin"), {"deleted": 2})
    step("delete a subject", subjects.delete("Pippin"), {"subject": "Pippin"})
    step("delete all subjects", subjects.delete_all(), {"deleted": 2})
    step("empty again", subjects.list(), {"subjects": []})
    check("no faces left", faces.list(), faces.list()["total_elements"] == 0)

    # Errors that programs look at.
    nobody = recognition.recognize(path(people["Billy Boyd"][0]), {"det_prob_threshold": 1.0})
    step("no face", nobody, {"message": "No face is found in the given image", "code": 28})
    other = compreface.init_face_detection("00000000-0000-0000-0000-000000000002")
    step("another key", other.detect(path(stranger)), {
        "message": "Detection service with API Key 00000000-0000-0000-0000-000000000002 not found", "code": 10})


def step(what: str, found, expected) -> None:
    check(what, found, found == expected)


def check(what: str, found, is_right: bool) -> None:
    print(f"{'ok   ' if is_right else 'WRONG'} {what}: {str(found)[:100]}", flush=True)
    if not is_right:
        sys.exit(f"{what}: {found}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
