"""Two hundred requests in English and Chinese, and the calls that they should lead to."""

import dataclasses
import itertools


def _tool(name, description, /, **parameters):
    return {"type": "function", "function": {"name": name, "description": description, "strict": True, "parameters": {
        "type": "object", "properties": parameters, "required": list(parameters), "additionalProperties": False}}}  # fmt: skip


TEXT, NUMBER = {"type": "string"}, {"type": "number"}
TOOLS = [
    _tool("get_weather", "Tells the current weather of a city", city=TEXT),
    _tool("convert_currency", "Converts an amount of money", amount=NUMBER,
          source={"type": "string", "enum": ["EUR", "USD", "CHF", "CNY"]},
          target={"type": "string", "enum": ["EUR", "USD", "CHF", "CNY"]}),
    _tool("set_alarm", "Sets an alarm for today", hour={"type": "integer"}, minute={"type": "integer"}),
    _tool("send_message", "Sends a short message to a colleague", recipient=TEXT, text=TEXT),
    _tool("find_employee", "Looks an employee up in the company's directory", name=TEXT),
]  # fmt: skip

CITIES = [("Bern", "伯尔尼"), ("Oslo", "奥斯陆"), ("Beijing", "北京"), ("Paris", "巴黎"), ("Lima", "利马"), ("Shanghai", "上海"),
          ("Vienna", "维也纳"), ("Tokyo", "东京")]  # fmt: skip
PEOPLE = [("Anna", "安娜"), ("Peter", "彼得"), ("Li Wei", "李伟"), ("Maria", "玛丽亚"), ("Zhang Min", "张敏"), ("Tom", "汤姆")]
MONEY = [(100, "USD", "EUR"), (250, "EUR", "CHF"), (80, "CHF", "USD"), (1200, "CNY", "EUR"), (35, "EUR", "CNY")]
TIMES = [(7, 30), (18, 15), (6, 45), (21, 5), (13, 20)]
NONE = [("What is the capital of France?", "法国的首都是哪里？"), ("Write a haiku about snow.", "写一首关于雪的短诗。"),
        ("Explain what a prime number is.", "解释一下什么是质数。"), ("Say thank you in three languages.", "用三种语言说谢谢。"),
        ("Who wrote Faust?", "《浮士德》是谁写的？"), ("What does HTTP stand for?", "HTTP 是什么的缩写？"),
        ("Name two primary colours.", "说出两种原色。"), ("Is water heavier than ice?", "水比冰重吗？"),
        ("Give me a synonym of 'quick'.", "给出“快速”的一个同义词。"), ("How many days has a leap year?", "闰年有多少天？")]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Case:
    kind: str  # one, two, none or required
    language: str
    question: str
    calls: tuple  # of (name, arguments); an argument may be one of several
    stream: bool = False


def _singles():
    """Questions that one call answers, both languages of each."""
    for english, chinese in CITIES:
        call = ("get_weather", {"city": (english, chinese)})
        yield f"What is the weather in {english} right now?", f"{chinese}现在天气怎么样？", call
    for amount, source, target in MONEY:
        call = ("convert_currency", {"amount": amount, "source": source, "target": target})
        yield f"How much is {amount} {source} in {target}?", f"{amount} {source} 是多少 {target}？", call
    for hour, minute in TIMES:
        call = ("set_alarm", {"hour": hour, "minute": minute})
        yield f"Wake me at {hour}:{minute:02}.", f"请在 {hour}:{minute:02} 叫醒我。", call
    for english, chinese in PEOPLE:
        call = ("find_employee", {"name": (english, chinese)})
        yield f"Find {english} in the company directory.", f"在公司通讯录里查找{chinese}。", call


def _pairs():
    for (one, one_zh), (two, two_zh) in itertools.islice(itertools.permutations(CITIES, 2), 0, 50, 5):
        calls = tuple(("get_weather", {"city": names}) for names in ((one, one_zh), (two, two_zh)))
        yield f"What is the weather in {one} and in {two}?", f"{one_zh}和{two_zh}的天气怎么样？", calls
    for (city, city_zh), (hour, minute) in zip(CITIES * 2, TIMES * 2):
        calls = (("get_weather", {"city": (city, city_zh)}), ("set_alarm", {"hour": hour, "minute": minute}))
        yield (f"Tell me the weather in {city} and set an alarm for {hour}:{minute:02}.",
               f"告诉我{city_zh}的天气，并设一个 {hour}:{minute:02} 的闹钟。", calls)  # fmt: skip


def all_cases():
    found = []
    singles = list(_singles())
    for english, chinese, call in singles + singles[:16]:
        found += [Case("one", "en", english, (call,)), Case("one", "zh", chinese, (call,))]
    for english, chinese, calls in _pairs():
        found += [Case("two", "en", english, calls), Case("two", "zh", chinese, calls)]
    for english, chinese in NONE + NONE:
        found += [Case("none", "en", english, ()), Case("none", "zh", chinese, ())]
    for english, chinese, call in singles[:20]:
        found += [Case("required", "en", english, (call,)), Case("required", "zh", chinese, (call,))]
    # Of questions that are there twice one is streamed, of the others every second one.
    seen, cases = set(), []
    for i, case in enumerate(found):
        key = (case.kind, case.question)
        cases.append(dataclasses.replace(case, stream=key in seen or (i // 2) % 2 == 1))
        seen.add(key)
    return cases
