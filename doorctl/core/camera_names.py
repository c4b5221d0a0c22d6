"""Names that a camera or an app gave to a picture: a person called that would be nobody in particular."""

from __future__ import annotations

import re
import unicodedata

_END = r"(?![^\W\d_])"
"""No letter follows: the word is the whole word, so that Scanlon is no scan and Photini no photo."""

_OPENINGS = re.compile(
    r"(?:adobe|screen ?shots?|screen ?recording|bildschirm(?:foto|aufnahme)|schermafbeelding|skärmavbild"
    r"|schermata|zrzut ekranu|captura de (?:pantalla|tela|ecrã)|capture d['\u2019 ]?écran|snímek obrazovky"
    r"|whatsapp|telegram|fb[ _]img|full ?(?:size)?render|chatgpt|gemini[ _]generated|picsart|inshot)"
    + _END
    # An app's name that runs on, and words of scripts without spaces.
    + r"|adobe(?:stock|scan|express|photoshop)|スクリーンショット|截屏|截图|屏幕截图|微信图片|스크린샷"
)
"""What no person's name begins with, whatever follows."""

_CODES = re.compile(
    r"[_ ]*(?:(?:img|dscn?|dscf|pxl|mvimg|gopr)[-_ ]?e?\d"
    r"|(?:mg|csc|gp|dji|vid|mov|burst|cimg|kimg|imag|hpim|pict|wp|dcim|c360|b612|received|signal|snapchat"
    r"|resized)[-_ ]?\d{3}"
    r"|[a-z][-_ ]?\d{5}"  # P1010001
    r"|sam_\d{4}|g[hxlp]\d{6})"
)
"""A camera's or an app's letters and then a number. Vid, Sam and others are names, so the number is long."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MAIN = _words("""
    img image images imagen imagem immagine bild bilder afbeelding obraz obrázek photo photos foto fotos
    fotografia fotografía fotografie pic pics picture pictures scan scans scanned selfie selfies portrait
    portraits camera kamera webcam snapshot snap capture dcim dsc dscn dscf pxl mvimg gopr gopro received
    signal snapchat untitled unnamed unbenannt download downloads file video mov gif jpg jpeg png heic
    headshot profile avatar thumbnail passport passfoto passbild face
    照片 图片 圖片 写真 画像 사진 фото صورة
""")
"""Words for pictures: a name that holds nothing else is nobody's."""

_FILLING = _words("""
    am pm at um on a an my new the of le de la il copy kopie copie copia edited bearbeitet hdr wa e mp cover
    from ios slack fb final small large titre ohne titel name
""")
"""What apps write beside them."""

_MONTH = (
    "(?:jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|mär(?:z)?|apr(?:il)?|may|mai|june?|juni|july?|juli"
    r"|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)\.?"
)
_DATE = re.compile(rf"\d{{1,2}}\W*{_MONTH}\W*\d{{2,4}}\b|{_MONTH}\W+\d{{1,2}}\W+(?:19|20)\d\d\b")
"""1 Jan 2020, Jan 1 2020. Not "Jan 1", a photo of Jan; and a date in figures alone holds no letter."""

_UUID = re.compile(r"\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-?[0-9a-f]{0,12}")
_HEX = re.compile(r"(?=[a-f]*\d)[0-9a-f]{8,}|[0-9a-f]{12,}")
_DALL_E = re.compile(r"dall[-·.]e" + _END)
_COPY = re.compile(r"\(\d+\)$|\bconflicted copy\b|\bin konflikt stehende kopie\b")


def has_letter(name: str) -> bool:
    """Whether there is a letter of any script in the name."""
    return any(unicodedata.category(character).startswith("L") for character in name)


def is_camera_name(name: str, stem: str = "") -> bool:
    """Whether a name is a camera's or an app's, not a person's: ``IMG_1234``, ``Screenshot 2024``.

    Args:
        name: what would be the person's name.
        stem: the file's name that it was cut from, without its ending, where there is more of it.
    """
    plain = unicodedata.normalize("NFKC", name).casefold().strip()
    whole = unicodedata.normalize("NFKC", stem).casefold().strip()
    if _OPENINGS.match(plain) or _DATE.match(plain) or _HEX.fullmatch(plain):
        return True
    if any(pattern.match(text) for pattern in (_CODES, _UUID, _DALL_E) for text in (plain, whole)):
        return True
    words = set(re.findall(r"[^\W\d_]+", plain))
    return bool(words & _MAIN) and words <= _MAIN | _FILLING


def is_copy_name(name: str) -> bool:
    """Whether a name is a second copy's, as computers call them: ``Grace Hopper (1)``."""
    return bool(_COPY.search(name.casefold().strip())) or name.count("(") > name.count(")")
