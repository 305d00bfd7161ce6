"""Names and titles as they are compared for likeness: width, case, legal forms and simplified characters aside. Pure.

Pinyin is left out on purpose: many names share one reading, so it would make more alike than it finds.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from rapidfuzz import fuzz

_FORMS: Final = """
    gmbh mbh ag kg ohg ug gbr ev eg kgaa se sa sarl sas sasu srl spa snc sl slu bv nv vof ab as asa aps oy oyj ltd
    limited llc llp lp plc inc incorporated corp corporation co company pty pte pvt private sdn bhd kk doo sro zrt kft
    sp z oo gesmbh haftungsbeschrankt
"""
LEGAL: Final = frozenset(_FORMS.split())
"""Words of legal forms, without dots, as they stand at a name's end; ``GmbH & Co. KG`` falls with its parts."""

LEGAL_HAN: Final = (
    "股份有限责任公司",
    "股份有限公司",
    "有限责任公司",
    "集团有限公司",
    "科技有限公司",
    "有限公司",
    "株式会社",
    "合同会社",
    "分公司",
    "总公司",
    "公司",
    "集团",
)
"""The longest first; they end a Chinese or Japanese name."""

TRADITIONAL: Final = (
    "國業東發會學長門開關電車馬魚鳥龍實現進遠運過還這達選邊議設計說話語請調論證識課談謝譯護讀變讓貝財貨質費資賣買貿"
    "贊賽軟輕較輸轉農鄉醫釋鋼錢鐵錄銀銷鎮鏡鑽閱閣陽陰隊際陸險隨難雲電靈靜頂項順須預領頭題顏願類風飛飯館驗體鮮麗黃點"
    "齊齒產專兩個們傳優億儀價備務動勞勢區協單衛廠廣應廳樓標樣樹機權歐歷氣漢濟灣環畫異當療監盤盡硯碼礎確禮種積稱穩"
    "窮競筆節範築簡糧紀約級紅納紙練組細終經結給統絲維綠網線編緣縣總績織續羅聯聲職腦舊藝藥蘇處號裝視規覽觀華萬興寶豐樂愛寧慶聖藍"
)
SIMPLIFIED: Final = (
    "国业东发会学长门开关电车马鱼鸟龙实现进远运过还这达选边议设计说话语请调论证识课谈谢译护读变让贝财货质费资卖买贸"
    "赞赛软轻较输转农乡医释钢钱铁录银销镇镜钻阅阁阳阴队际陆险随难云电灵静顶项顺须预领头题颜愿类风飞饭馆验体鲜丽黄点"
    "齐齿产专两个们传优亿仪价备务动劳势区协单卫厂广应厅楼标样树机权欧历气汉济湾环画异当疗监盘尽砚码础确礼种积称稳"
    "穷竞笔节范筑简粮纪约级红纳纸练组细终经结给统丝维绿网线编缘县总绩织续罗联声职脑旧艺药苏处号装视规览观华万兴宝丰乐爱宁庆圣蓝"
)
"""The characters of names that differ one to one; rarer ones stay as they are and cost a little likeness."""

SHORT: Final = 3
"""Words from which on a title has enough of them to be found by."""

_PLAIN: Final = str.maketrans(TRADITIONAL, SIMPLIFIED)
_HAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+")
_WORD: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Title:
    """A title taken apart. ``han`` and ``latin``: its two scripts, each without legal forms and signs."""

    latin: str
    han: str
    numbers: tuple[str, ...]
    """Phase 1 and phase 2 are two things, however alike they look."""

    @property
    def whole(self) -> str:
        return f"{self.latin} {self.han}".strip()

    def tokens(self) -> set[str]:
        """What to look for likely counterparts by: words, pairs of Chinese characters, parts of a short name's words,
        so that one wrong letter does not hide it, and the whole, which nothing hides."""
        words = self.latin.split()
        pairs = {self.han[at : at + 2] for at in range(len(self.han) - 1)}
        parts = {f"{word[at : at + 3]}*" for word in words for at in range(len(word) - 2) if len(word) > 4}
        short = parts if len(words) < SHORT else set()
        return {word for word in words if len(word) > 1} | pairs | short | {f"={self.whole}"}


def title_of(text: str) -> Title:
    """The title in comparable form. Never raises; a title of nothing but a legal form keeps it."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_PLAIN)
    han = "".join(_without_form(part) for part in _HAN.findall(plain))
    rest = re.sub(r"(?<=\w)\.(?=\w)|['’]", "", _HAN.sub(" ", plain))
    rest = "".join(each for each in unicodedata.normalize("NFD", rest) if not unicodedata.combining(each))
    words = _WORD.findall(rest.replace("ß", "ss"))
    named = list(words)
    while named and named[-1] in LEGAL:
        named.pop()
    return Title(" ".join(named or words), han, tuple(sorted(re.findall(r"\d+", plain))))


def _without_form(name: str) -> str:
    for form in LEGAL_HAN:
        if name.endswith(form) and len(name) > len(form) + 1:
            return name.removesuffix(form)
    return name


def likeness(a: Title, b: Title) -> float:
    """0 to 100. Titles with different numbers are never alike; of a name in two scripts one script is enough."""
    if a.numbers != b.numbers:
        return 0.0
    scores = [_ratio(a.whole, b.whole)]
    if a.han and b.han and bool(a.latin) != bool(b.latin):
        scores.append(_ratio(a.han, b.han))
    if len(a.latin) > 3 and len(b.latin) > 3 and bool(a.han) != bool(b.han):
        scores.append(_ratio(a.latin, b.latin))
    return max(scores)


def _ratio(a: str, b: str) -> float:
    """By characters, and by words in any order: whichever finds more in common."""
    if not a or not b:
        return 0.0
    return max(fuzz.ratio(a, b), fuzz.token_sort_ratio(a, b))
