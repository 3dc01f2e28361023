"""Units, counters, scale words and numerals of Chinese, Japanese and Korean."""

from __future__ import annotations

import re
from fractions import Fraction

LETTERS = r"\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"

# As `_TABLE` of `rlvr.maths.units`.
TABLE = """
度 도 =1 degree | 米 公尺 メートル 미터 =1 m | 分米 =1/10 m | 厘米 公分 センチ =1/100 m
毫米 =1/1000 m | 千米 公里 キロ =1000 m | 里 =500 m | 尺 =1/3 m | 寸 =1/30 m
公顷 ヘクタール =10000 m^2 | 亩 畝 =1 @mu | 克 グラム 그램 =1 g | 千克 公斤 キログラム =1000 g
毫克 =1/1000 g | 吨 噸 トン =1000000 g | 斤 =500 g | 两 =50 g | 升 公升 リットル =1/1000 m^3
毫升 =1/1000000 m^3 | 秒 秒钟 초 =1 s | 分钟 分鐘 =60 s | 小时 小時 时间 時間 시간 =3600 s
天 日 日间 日間 일 =86400 s | 周 週 星期 週間 주 =604800 s | 月 个月 個月 か月 ヶ月 개월 =1 month
年 年间 年間 岁 歳 歲 살 년 =12 month | 元 圆 円 圓 块钱 =1 jpy | 角 毛 =1/10 jpy
美元 =1 usd | 欧元 =1 eur | 원 =1 KRW | 牛顿 牛 =1 N | 焦耳 焦 =1 J | 瓦特 瓦 =1 W | 千瓦 =1000 W
伏特 伏 =1 V | 安培 安 =1 A | 欧姆 欧 =1 Ω | 帕斯卡 帕 =1 Pa | 赫兹 =1 Hz | 摄氏度 =1 degC
弧度 ラジアン =1 rad | 单位 單位 단위 =1 unit
"""
SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8,
          "만": 10**4, "억": 10**8}  # fmt: skip
_COUNTERS = frozenset(
    "个 個 箇 人 名 位 只 隻 条 條 本 辆 輛 棵 张 張 块 塊 件 头 頭 匹 双 雙 对 對 种 種 次 "
    "倍 页 頁 袋 箱 盒 瓶 杯 支 枝 座 间 間 层 層 朵 颗 顆 粒 根 套 台 户 戶 组 組 行 排 列 "
    "道 题 題 分 点 點 步 枚 回 通り 通 つ 冊 册 着 羽 足 段 家 所 艘 架 把 筐 包 桶 串 片 首 "
    "幅 株 尾 场 場 班 代 项 項 组合 人次 개 명 마리 번 권 장 대 가지 세 점".split()
)
# These may not stand in a noun after a counter: they change the number, or deny it.
_NO_NOUN = re.compile("[不非没沒无無错錯約约多余餘左右以上下大小于於或和至到第半几幾近好未否]")
# Words that make a bound or a rough value of a number: before it, and after it or its counter.
BOUNDS = (
    r"(?:[大小多少高低]于|[超越]过|超過|[至最][少多]|不[到足]|[约約]|接近|将近|少なくとも|多くとも"
    r"|약|대략|최소|최대|적어도|거의)(?:是|为|為|有|의)?\s*+"
)
ROUGHLY = (
    rf"[{LETTERS}]{{0,2}}?(?:左右|上下|以[上下内外]|之[内外间]|不到|ぐらい|くらい|程度|前後|未満|より"
    r"|정도|이상|이하|미만|가량|쯤)"
)


def counted(word: str) -> frozenset[str] | None:
    """Return a counter, alone or with its noun (`个`, `个苹果`), as a noun; None if it is none."""
    counter = next((word[:end] for end in (2, 1) if word[:end] in _COUNTERS), None)
    if counter is None or len(word) > 6 or _NO_NOUN.search(word[len(counter) :]):
        return None
    return frozenset({word})


_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_SMALL = {"十": 10, "百": 100, "千": 1000}
_WHOLE = "[零〇一二三四五六七八九十百千万亿两]{1,20}"
_PLACES = "[零一二三四五六七八九]{1,10}"
_UNDER = "百|[一二三四五六七八九十百千两]{1,7}"
NUMERAL = rf"(?:负)?(?:(?:{_UNDER})分之)?{_WHOLE}(?:点{_PLACES})?"
_PARTS = re.compile(rf"(负)?(?:({_UNDER})分之)?({_WHOLE})(?:点({_PLACES}))?")


def numeral(text: str) -> Fraction | None:
    """Return the number that Chinese numerals write: `三分之二`, `一万二千`; None if it is none."""
    match = _PARTS.fullmatch(text)
    if match is None:
        return None
    sign, bottom, whole, places = match.groups()
    top = _whole(whole)
    under = 100 if bottom == "百" else _whole(bottom) if bottom else 1
    if top is None or not under:
        return None
    value = Fraction(top)
    if places:
        digits = "".join(str(_DIGITS[digit]) for digit in places)
        value += Fraction(int(digits), 10 ** len(digits))
    return (-value if sign else value) / under


def _whole(text: str) -> int | None:
    """Read a whole number; None where its parts are out of order (`十千`, `二三`)."""
    total = section = digit = 0
    largest, smallest = 10**9, 10**5
    read = False
    for char in text:
        if char in _DIGITS:
            if digit:
                return None
            digit, read = _DIGITS[char], True
        elif char in _SMALL:
            if _SMALL[char] >= smallest or not digit and char != "十":
                return None
            section += (digit or 1) * _SMALL[char]
            digit, smallest, read = 0, _SMALL[char], True
        else:
            scale = SCALES[char]
            if scale >= largest or not section + digit:
                return None
            total += (section + digit) * scale
            section, digit, largest, smallest = 0, 0, scale, 10**5
    return total + section + digit if read else None


_NOT = re.compile(
    "不(?!等式)|[非没沒未无無猜或设令吗]|(?<!等)可能|也许|大概|假[设如定]|如果|若|难道|排除|除了|求证|要证|已知|错|还是|要么|(?<!节)约|至少"
    "|至多|最多|最少|[和、]"
)
_END = "。．.！! $"
_CLAUSE = re.compile("[，。；,;\n]")
_NOTHING = ("无解", "無解", "不存在")
_SAYS = re.compile("(?:[是为為得即选：:]|可知)\\s*+\\Z")


def said_last(text: str, words: str) -> bool:
    """Return whether a sentence ends by saying these words, and neither denies nor supposes them.

    `由 a=b 可知，△ABC是等腰三角形。` says 等腰三角形; `等腰直角三角形` does not say 直角三角形.
    """
    text = text.rstrip(_END)
    if words.isascii() or not text.endswith(words) or text == words:
        return False
    clause = _CLAUSE.split(text.removesuffix(words))[-1]
    if _NOT.search(clause):
        return False
    return bool(clause) and (words in _NOTHING or bool(_SAYS.search(clause)))


CIRCLED = re.compile("[①-⑳](?:[\\s,，、和与及]*+[①-⑳])*+")  # the numbers of true statements


def circled_last(text: str) -> str:
    """Return the numbers in circles that a text says last, `①③` of `正确的是①③。`; else ""."""
    last = [*CIRCLED.finditer(text)][-1:]
    if not last or text[last[0].end() :].strip(_END):
        return ""
    sentence = re.split("[。\n]", text[: last[0].start()])[-1]
    clause = _CLAUSE.split(sentence)[-1]
    if CIRCLED.search(sentence) or _NOT.search(clause) or re.search("假", clause):
        return ""
    return last[0][0] if _SAYS.search(clause) else ""


_UNIT = re.compile("(?:元|块钱?|[厘毫分千]?米|千?克|度|天|年|小时|分钟|秒|岁)?")
_STATED = re.compile(
    rf"(?:是|为|為|有|得|了|等于|共[^0-9，。]{{0,4}}?)({NUMERAL})([{LETTERS}]{{0,2}})[。．.！!]?\Z"
)


def numeral_last(sentence: str) -> str | None:
    """Return the numeral that a sentence states last, in `共节约一万二千元。`; None if none."""
    stated = _STATED.search(sentence[-60:])
    if stated is None or _NOT.search(sentence) or re.search(BOUNDS, sentence.replace("节约", "")):
        return None
    return stated[1] if _UNIT.fullmatch(stated[2]) or counted(stated[2]) else None
