"""Words of the demo: people, towns and firms of two countries, and what is said of them in two languages.

Names of people stand as pairs, so that a woman is Nováková or Veselá and never Novák. Every e-mail address made of
these words ends in .example, which no mail server will ever deliver (RFC 2606).
"""

from dataclasses import dataclass

Pairs = tuple[tuple[str, str], ...]


def words(text: str) -> tuple[str, ...]:
    """Single words."""
    return tuple(text.split())


def phrases(text: str) -> tuple[str, ...]:
    """Phrases, a semicolon between them."""
    return tuple(" ".join(phrase.split()) for phrase in text.split(";"))


def pairs(text: str) -> Pairs:
    """ "Novák Nováková; Malý Malá" -> (("Novák", "Nováková"), ("Malý", "Malá")); one word alone serves for both."""
    return tuple((phrase.split()[0], phrase.split()[-1]) for phrase in phrases(text))


def alike(text: str) -> Pairs:
    """Phrases that serve for men and women alike."""
    return tuple((phrase, phrase) for phrase in phrases(text))


def labelled(text: str) -> Pairs:
    """ "call: Call {who}; visit: Measure up" -> (("call", "Call {who}"), ("visit", "Measure up"))."""
    return tuple((head, rest) for head, _, rest in (phrase.partition(": ") for phrase in phrases(text)))


@dataclass(frozen=True)
class Country:
    """Where people live. `surnames` are (of a man, of a woman), `towns` (name, postcode).

    In postcodes and telephone numbers # stands for any digit.
    """

    name: str
    men: tuple[str, ...]
    women: tuple[str, ...]
    surnames: Pairs
    towns: Pairs
    streets: tuple[str, ...]
    trades: tuple[str, ...]
    forms: tuple[str, ...]
    mobile: str
    landline: str


@dataclass(frozen=True)
class Talk:
    """What is written in one language. `positions` are (of a man, of a woman), `tasks` (what to do, its name).

    In names of tasks {who} is a person's name and {town} a town.
    """

    positions: Pairs
    titles: tuple[str, ...]
    sources: tuple[str, ...]
    labels: tuple[str, ...]
    deals: tuple[str, ...]
    lost: tuple[str, ...]
    tasks: Pairs
    notes: tuple[str, ...]
    calls: tuple[str, ...]


CZECHIA = Country(
    name="Česko",
    men=words(
        """
        Jiří Jan Petr Josef Pavel Martin Tomáš Jaroslav Miroslav Zdeněk František Václav Michal Milan Karel Jakub
        Lukáš David Vladimír Ondřej Ladislav Roman Marek Stanislav Daniel Antonín Radek Vojtěch Filip Adam Miloslav
        Matěj Aleš Jaromír Libor Dominik Patrik Vlastimil Jindřich Miloš Oldřich Lubomír Rudolf Ivan Luboš Radim
        Štěpán Šimon Čeněk Řehoř
        """
    ),
    women=words(
        """
        Jana Marie Eva Hana Anna Lenka Kateřina Lucie Věra Alena Petra Veronika Jaroslava Tereza Martina Michaela
        Jitka Helena Ludmila Zdeňka Ivana Monika Eliška Zuzana Markéta Jarmila Barbora Jiřina Marcela Kristýna Dana
        Dagmar Adéla Pavla Vlasta Miroslava Andrea Irena Božena Klára Nikola Šárka Iveta Natálie Karolína Olga Blanka
        Renata Simona Štěpánka Žaneta
        """
    ),
    surnames=pairs(
        """
        Novák Nováková; Svoboda Svobodová; Novotný Novotná; Dvořák Dvořáková; Černý Černá; Procházka Procházková;
        Kučera Kučerová; Veselý Veselá; Horák Horáková; Němec Němcová; Pokorný Pokorná; Pospíšil Pospíšilová; Hájek
        Hájková; Jelínek Jelínková; Král Králová; Růžička Růžičková; Beneš Benešová; Fiala Fialová; Sedláček
        Sedláčková; Doležal Doležalová; Zeman Zemanová; Kolář Kolářová; Krejčí; Navrátil Navrátilová; Čermák
        Čermáková; Vaněk Vaňková; Urban Urbanová; Kratochvíl Kratochvílová; Šimek Šimková; Blažek Blažková; Kříž
        Křížová; Kovář Kovářová; Kopecký Kopecká; Bartoš Bartošová; Vlček Vlčková; Musil Musilová; Šimůnek Šimůnková;
        Konečný Konečná; Polák Poláková; Malý Malá; Čech Čechová; Štěpánek Štěpánková; Staněk Staňková; Holub
        Holubová; Dušek Dušková; Soukup Soukupová; Šťastný Šťastná; Mareš Marešová; Moravec Moravcová; Sýkora
        Sýkorová; Tichý Tichá; Valenta Valentová; Vávra Vávrová; Matoušek Matoušková; Říha Říhová; Bláha Bláhová;
        Ševčík Ševčíková; Bureš Burešová; Hruška Hrušková; Mašek Mašková; Dostál Dostálová; Hrubý Hrubá; Havlíček
        Havlíčková; Janda Jandová; Mach Machová; Chalupa Chalupová; Chvátal Chvátalová; Řezníček Řezníčková; Žák
        Žáková; Zelenka Zelenková; Macháček Macháčková; Šebesta Šebestová; Kubát Kubátová; Hrdlička Hrdličková;
        Martinů; Janů; Petrů; Tománek Tománková; Brabec Brabcová; Havel Havlová; Kadlec Kadlecová; Vacek Vacková;
        Ptáček Ptáčková; Zahradník Zahradníková
        """
    ),
    towns=labelled(
        """
        Praha: 1#0 00; Brno: 6#2 00; Ostrava: 70# 00; Plzeň: 3#1 00; Liberec: 460 0#; Olomouc: 77# 00; České
        Budějovice: 370 0#; Hradec Králové: 500 0#; Ústí nad Labem: 400 0#; Pardubice: 530 0#; Zlín: 760 0#; Kladno:
        272 0#; Most: 434 0#; Opava: 746 0#; Jihlava: 586 0#; Karlovy Vary: 360 0#; Teplice: 415 0#; Děčín: 405 0#;
        Chomutov: 430 0#; Přerov: 750 0#; Jablonec nad Nisou: 466 0#; Mladá Boleslav: 293 0#; Prostějov: 796 0#;
        Třebíč: 674 0#; Třinec: 739 6#; Tábor: 390 0#; Znojmo: 669 0#; Příbram: 261 0#; Cheb: 350 0#; Kolín: 280 0#;
        Trutnov: 541 0#; Písek: 397 0#; Kroměříž: 767 0#; Šumperk: 787 0#; Vsetín: 755 0#; Uherské Hradiště: 686 0#;
        Břeclav: 690 0#; Hodonín: 695 0#; Český Krumlov: 381 0#; Litoměřice: 412 0#; Havlíčkův Brod: 580 0#; Chrudim:
        537 0#; Žďár nad Sázavou: 591 0#; Blansko: 678 0#; Náchod: 547 0#; Klatovy: 339 0#; Beroun: 266 0#; Říčany:
        251 0#
        """
    ),
    streets=phrases(
        """
        Nádražní; Husova; Komenského; Palackého; Masarykova; Školní; Zahradní; Dlouhá; Krátká; Polní; Lipová;
        Jiráskova; Smetanova; Havlíčkova; Sokolská; Riegrova; Žižkova; Na Výsluní; U Lesa; Pod Kaštany; Tyršova;
        Nerudova; Dvořákova; Mlýnská; Luční; Brněnská; Pražská; Květná; Nová; Za Humny; Jungmannova; Boženy Němcové;
        Revoluční; Na Hrázi; K Nemocnici; Wolkerova; Čapkova; Slunečná; Hradební; Svatoplukova
        """
    ),
    trades=phrases(
        """
        Okna; Dveře; Stavby; Truhlářství; Zámečnictví; Střechy; Podlahy; Elektro; Instalace; Projekce; Reality;
        Autodílna; Pekárna; Vinařství; Pivovar; Tiskárna; Účetnictví; Zahrady; Kamenictví; Sklenářství; Malířství;
        Doprava; Logistika; Software; Reklama; Interiéry; Čalounictví; Penzion; Bytové družstvo; Správa domů
        """
    ),
    forms=("s.r.o.", "s.r.o.", "s.r.o.", "s.r.o.", "a.s.", ""),
    mobile="+42060#######",
    landline="+4205########",
)

BRITAIN = Country(
    name="United Kingdom",
    men=words(
        """
        Oliver George Harry Jack Thomas William James Henry Charlie Edward Samuel Daniel Joseph Arthur Oscar Alexander
        Benjamin Lucas Max Ethan Isaac Adam Ryan Nathan Callum Liam Owen Rhys Gareth Duncan Angus Ewan Stuart Graham
        Colin Neil Simon Martin
        """
    ),
    women=words(
        """
        Olivia Amelia Isla Emily Ava Lily Sophia Grace Freya Ella Charlotte Evie Isabella Jessica Alice Florence Ruby
        Chloe Hannah Lucy Megan Bethan Fiona Eilidh Catherine Rebecca Joanna Helen Susan Claire Rachel Laura Nicola
        Gemma Heather Imogen Zoe
        """
    ),
    surnames=pairs(
        """
        Smith; Jones; Taylor; Brown; Williams; Wilson; Johnson; Davies; Robinson; Wright; Thompson; Evans; Walker;
        White; Roberts; Green; Hall; Wood; Jackson; Clarke; Harris; Lewis; Turner; Cooper; Ward; Morris; Parker;
        Hughes; Edwards; Shaw; Foster; Bell; Murphy; Kelly; Ellis; Marshall; Simpson; Fletcher; Whitfield; Hargreaves;
        Ashworth; Pemberton; MacLeod; Campbell; Fraser; Sinclair; O'Brien; Gallagher; Llewellyn; Prosser; Okafor;
        Patel; Sharma; Begum; Nowak; Kaur
        """
    ),
    towns=labelled(
        """
        London: SE## 4AB; Birmingham: B## 7TT; Leeds: LS# 5QH; Glasgow: G## 8DL; Sheffield: S# 2PN; Bradford: BD# 1HX;
        Edinburgh: EH# 6SP; Liverpool: L## 3BG; Manchester: M## 4WB; Bristol: BS# 5TR; Cardiff: CF## 2EF; Leicester:
        LE# 6GB; Coventry: CV# 2DT; Nottingham: NG# 1AA; Newcastle: NE# 4LP; Plymouth: PL# 8QR; Southampton: SO## 2HJ;
        Reading: RG# 7DE; Norwich: NR# 1BD; York: YO## 9TL
        """
    ),
    streets=phrases(
        """
        High Street; Station Road; Church Lane; Victoria Road; Green Lane; Manor Road; Park Avenue; Queen Street; Mill
        Lane; The Crescent; King Street; North Road; Chapel Street; Albert Road; Grange Road; Orchard Close
        """
    ),
    trades=phrases(
        """
        Windows; Joinery; Builders; Roofing; Flooring; Electrical; Plumbing; Architects; Estates; Motors; Bakery;
        Printing; Accounting; Gardens; Glazing; Decorators; Haulage; Software; Interiors; Guest House; Lettings
        """
    ),
    forms=("Ltd", "Ltd", "Ltd", "LLP", "plc", "& Sons"),
    mobile="+4477009#####",
    landline="+44163296####",
)

CZECH = Talk(
    positions=pairs(
        """
        jednatel jednatelka; ředitel ředitelka; nákupčí; stavbyvedoucí; architekt architektka; projektant
        projektantka; účetní; asistent asistentka; správce správkyně; předseda předsedkyně; majitel majitelka;
        provozní; technik technička
        """
    ),
    titles=("Ing.", "Mgr.", "Bc.", "MUDr.", "JUDr.", "Ing. arch.", "doc."),
    sources=phrases(
        """
        doporučení; web; telefon; veletrh; inzerát; starý zákazník; poptávkový portál
        """
    ),
    labels=phrases(
        """
        stálý zákazník; rodinný dům; bytový dům; firma; VIP; newsletter; dodavatel; partner
        """
    ),
    deals=phrases(
        """
        Rodinný dům; Bytový dům; Kancelář; Provozovna; Rekonstrukce bytu; Novostavba; Chata; Škola; Penzion; Hala;
        Servisní smlouva; Rámcová smlouva; Prodejna; Podkroví; Zimní zahrada; Dům pro seniory
        """
    ),
    lost=phrases(
        """
        vysoká cena; dlouhý termín; vybrali jiného dodavatele; odložili na příští rok; neozvali se
        """
    ),
    tasks=labelled(
        """
        call: Zavolat: {who}; call: Domluvit termín: {who}; email: Poslat nabídku: {who}; email: Poslat fotky a ceník;
        visit: Zaměření, {town}; meeting: Schůzka: {who}; task: Připravit kalkulaci; task: Upravit nabídku podle
        připomínek; task: Ověřit termín výroby; task: Připomenout zálohu; visit: Předání, {town}; call: Zeptat se, jak
        se rozhodli: {who}
        """
    ),
    notes=phrases(
        """
        Chtějí to mít hotové do konce měsíce, jinak počkají na jaro.; Nabídka odešla ve dvou variantách ceny.; Cena
        jim přijde vyšší, porovnávají s další firmou.; Volat až po páté.; Přístup jen ze dvora, klíče má soused.;
        Zálohu pošlou tento týden.; Doporučil nás pan architekt.; Prosí o fakturu na firmu.; Zaměřeno, rozměry jsou v
        příloze.; Spokojení, určitě se ozvou znovu.; Ptali se na slevu při platbě předem.; Počkáme na stavební
        povolení.
        """
    ),
    calls=phrases(
        """
        Domluvili jsme se na zaměření.; Nebere telefon, zkusím zítra.; Potvrdil termín montáže.; Chce upravit množství
        a barvu.; Ozve se po dovolené.; Souhlasí s cenou, čeká na smlouvu.
        """
    ),
)

ENGLISH = Talk(
    positions=alike(
        """
        managing director; owner; head of purchasing; buyer; site manager; architect; designer; accountant; office
        manager; facility manager; committee chair; operations manager; engineer
        """
    ),
    titles=("Dr", "Prof."),
    sources=phrases(
        """
        referral; website; phone; trade fair; advertisement; returning customer; directory
        """
    ),
    labels=phrases(
        """
        regular; family house; flats; business; VIP; newsletter; supplier; partner
        """
    ),
    deals=phrases(
        """
        Family house; Block of flats; Office; Workshop; Flat refit; New build; Cottage; School; Guest house;
        Warehouse; Service contract; Framework contract; Shop; Loft; Conservatory; Care home
        """
    ),
    lost=phrases(
        """
        price too high; too late for them; chose another supplier; put off until next year; no answer
        """
    ),
    tasks=labelled(
        """
        call: Call {who}; call: Agree a date with {who}; email: Send the quote to {who}; email: Send photos and the
        price list; visit: Measure up, {town}; meeting: Meet {who}; task: Work out the price; task: Change the quote
        as they asked; task: Check the delivery date; task: Remind them of the deposit; visit: Hand over, {town};
        call: Ask {who} what they decided
        """
    ),
    notes=phrases(
        """
        They want it done by the end of the month, else they will wait for spring.; Sent the quote in two versions.;
        They find the price high and are comparing with another firm.; Call after five only.; Access through the yard,
        the neighbour has the keys.; The deposit comes this week.; Recommended to us by their architect.; They need
        the invoice made out to the company.; Measured, the sizes are in the file.; Happy with the work, will come
        back.; Asked for a discount for payment in advance.; Waiting for planning permission.
        """
    ),
    calls=phrases(
        """
        Agreed a day to measure up.; No answer, will try tomorrow.; Confirmed the day of installation.; Wants to
        change quantity and colour.; Will be in touch after the holidays.; Agrees with the price, waiting for the
        contract.
        """
    ),
)

TALK = {"cs": CZECH, "en": ENGLISH}
