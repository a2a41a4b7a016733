"""Czech personal names: titles apart, and which word is the first name."""

import re
from functools import lru_cache
from typing import NamedTuple

from core.text import plain

# The commonest first names in Czechia, and Slovak ones met there, women's and men's, without accents.
NAMES = """
adela adriana agata albina alena alexandra alice aloisie alzbeta amalie anastazie andrea aneta anezka anna
antonie barbora beata bedriska berta blanka blazena bohdana bohumila bohuslava bozena brigita cecilie dagmar
dana daniela darina denisa diana dita dobromila dominika dorota drahomira drahoslava edita elena eliska ella ema
emilie erika ester eva evelina evzenie frantiska gabriela hana hedvika helena hermina ilona irena irma iva ivana
iveta ivona izabela jana jarmila jaromira jaroslava jindriska jirina jitka johana jolana josefa julie justyna
kamila karin karla karolina katerina klara kristina kristyna kveta kvetoslava lada laura lea lenka leona libena
libuse lidie liliana linda ljuba lucie ludmila lydie magda magdalena mahulena marcela margita marie marika
marketa marta martina matylda michaela milada milena milica miloslava miluse miriam mirka miroslava monika nada
nadezda natalie nela nicole nikol nikola nina nora oldriska olga otilie patricie pavla pavlina petra radana
radka radmila radoslava regina renata romana rozalie ruzena sabina sandra sara sarka silvie simona sofie sona
stanislava stela stepanka svatava svetlana sylva tamara tatana tereza terezie valerie vanda vendula vera
veronika viera viktorie vilma viola vladena vladimira vlasta vlastimila zaneta zdena zdenka zdislava zita zlata
zofie zora zuzana
adam adolf albert ales alexander alexandr alfred alois ambroz andrej antonin arnost artur augustin bartolomej
bedrich benedikt bernard blahoslav bohdan bohumil bohumir bohuslav boleslav boris borivoj bretislav bronislav
cenek cestmir ctibor ctirad dalibor dalimil daniel david denis dominik drahomir dusan eduard emanuel emil erik
ernest evzen felix ferdinand filip frantisek fridrich gabriel gustav hanus herbert hubert hugo hynek ignac igor
ivan ivo jachym jakub jan jarmil jaromir jaroslav jeronym jindrich jiri jonas jonatan josef julius juraj kamil
karel kristian kristof krystof kvetoslav ladislav lambert leo leopold leos libor lubomir lubor lubos ludek
ludvik lukas lumir marcel marek marian mario martin matej matous matyas maxim maxmilian medard michael michal
mikulas milan milos miloslav miroslav mojmir nikolas norbert oldrich oliver ondrej oskar otakar oto otto patrik
pavel peter petr pravoslav premysl prokop radek radim radomir radoslav radovan rafael rastislav rehor rene richard
robert robin roland roman rostislav rudolf samuel sebastian servac simon slavoj slavomir stanislav stefan stepan
svatopluk svatoslav tadeas teodor theodor tibor tobias tomas vaclav valdemar valentin vasil vavrinec vendelin
viktor vilem vincenc vit vitezslav vladan vladimir vladislav vlastimil vlastislav vojtech vratislav vsevolod
zbynek zbysek zdenek zdislav zikmund
"""
FIRST_NAMES = frozenset(NAMES.split())

# Words that make a name a business and not a person.
BUSINESS = re.compile(
    r"\b(?:s\. ?r\. ?o|a\. ?s|v\. ?o\. ?s|k\. ?s|o\. ?p\. ?s|z\. ?s|spol|gmbh|ltd|inc|llc|ag)\b\.?"
    r"|^(?:firma|hotel|penzion|restaurace|hospoda|hostinec|kavarna|obec|mesto|skola|zs|ms|spolek|druzstvo|nadace|urad"
    r"|obchod|statek|farma|autoservis|lekarna|svj|tj|sk|pension|fara|domov|klub|studio|stavby)\b"
)  # fmt: skip
BEFORE = (
    r"(?:Ing\.? ?arch|Ing|Mgr|MgA|Bc|BcA|MUDr|MDDr|MVDr|JUDr|PhDr|RNDr|PharmDr|ThDr|ThLic|PaedDr|RSDr|ICDr|doc|prof|Dr|"
    r"Dipl\.-?\s?Ing|akad\. ?mal|akad\. ?soch|plk|mjr|kpt|por|npor)"
)  # fmt: skip
AFTER = (
    r"(?:Ph\.? ?D|CSc|DrSc|DSc|Th\.? ?D|Art\.? ?D|LL\.? ?M|DiS|M\.? ?Sc|B\.? ?Sc|B\.? ?A|M\.? ?A|"
    r"MBA|MPA|MPH|BBA|DBA|FCCA)"
)
TITLE_BEFORE = re.compile(rf"\s*{BEFORE}(?:\.\s*|\s+)(?:et\s+)?", re.IGNORECASE)
TITLE_BEHIND = re.compile(rf",\s*({BEFORE}\.?)\s*$", re.IGNORECASE)
TITLE_AFTER = re.compile(rf"[,\s]+{AFTER}\.?\s*$", re.IGNORECASE)
MAYBE_TITLE = re.compile(
    r"[.,]|\b(?:MBA|MPA|BA|MA|DBA|MSc|BSc|BBA|MPH|CSc|DrSc|DSc|Ing|Mgr|Bc|MUDr|JUDr|PhDr|RNDr|PhD|DiS)\b"
)


class PersonName(NamedTuple):
    """`prefix` and `suffix` are titles; `swapped` when the surname stood first."""

    prefix: str
    first: str
    last: str
    suffix: str
    swapped: bool = False


def strip_titles(text: str) -> tuple[str, str, str]:
    """(titles before, name, titles after): "Ing. Jan Novák, Ph.D." -> ("Ing.", "Jan Novák", "Ph.D.")."""
    name = text.strip()
    if not MAYBE_TITLE.search(name):
        return "", name, ""
    before: list[str] = []
    while (found := TITLE_BEFORE.match(name)) and found.end() < len(name):
        before.append(found[0].strip())
        name = name[found.end() :]
    while found := TITLE_BEHIND.search(name):  # Novák Jan, Ing.
        before.append(found[1])
        name = name[: found.start()]
    after: list[str] = []
    while found := TITLE_AFTER.search(name):
        after.insert(0, found[0].strip(" ,"))
        name = name[: found.start()]
    return " ".join(before), name.strip(" ,"), ", ".join(after)


@lru_cache(maxsize=16_384)
def is_first_name(word: str) -> bool:
    return plain(word) in FIRST_NAMES


def split_name(text: str) -> PersonName:
    """A name as typed in one cell. Which word is the first name is known by a list; where it does not help, the first
    word is. "Novák, Jan" and "Novák Jan" are turned; a business's name and a single unknown word are the last name."""
    prefix, name, suffix = strip_titles(text)
    words = name.split()
    known = [is_first_name(word) for word in (words[0], words[-1])] if words else [False, False]
    if len(words) < 2:
        return PersonName(prefix, name, "", suffix) if known[0] else PersonName(prefix, "", name, suffix)
    if ("." in text or not any(known)) and BUSINESS.search(plain(text)):
        return PersonName("", "", text, "")
    last, comma, first = name.partition(",")
    if comma and first.strip() and "," not in first:
        return PersonName(prefix, first.strip(), last.strip(), suffix, swapped=True)
    if known == [False, True]:
        return PersonName(prefix, words[-1], " ".join(words[:-1]), suffix, swapped=True)
    firsts = 2 if len(words) > 2 and known[0] and is_first_name(words[1]) else 1
    return PersonName(prefix, " ".join(words[:firsts]), " ".join(words[firsts:]), suffix)
