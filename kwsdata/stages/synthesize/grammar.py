"""A small grammar of spoken English: clauses with slots, and the words that fill them.

Slots in capitals stand for words by part of speech from running text (see `sentences`); the others are lists here.
"""

CLAUSES = (
    "the NOUN SEEN the NOUN PLACE",
    "PERSON SEEN a ADJ NOUN PLACE",
    "PERSON VERBED that the NOUNS were ADJ",
    "there is a ADJ NOUN PLACE TIME",
    "there were NUMBER NOUNS PLACE",
    "it was ADV ADJ TIME",
    "I think the NOUN is ADJ",
    "we need NUMBER more NOUNS TIME",
    "do you know where the NOUN is",
    "can you VERB the NOUN for PERSON",
    "please VERB the ADJ NOUN TIME",
    "PERSON wants to VERB some NOUNS",
    "they were GERUND the NOUN PLACE",
    "my POSSESSED said the NOUN was ADV ADJ",
    "the NOUN of NAME has a NOUN",
    "NAME and NAME went to the NOUN TIME",
    "turn THING on PLACE",
    "turn off the THINGS PLACE",
    "set a timer for NUMBER minutes",
    "play some music PLACE",
    "what is the NOUN like in NAME TIME",
    "tell PERSON about the NOUNS",
    "nobody VERBED the NOUN and the NOUNS",
    "you should not VERB it TIME",
    "the ADJ NOUNS are GERUND again",
    "how many NOUNS did PERSON VERB",
    "ANY is not the same as ANY",
    "the word for it is ANY or ANY",
    "NUMBER NUMBER NUMBER NUMBER",
    "he paid NUMBER dollars for a NOUN and a NOUN",
    "she lives at number NUMBER NAME street",
    "I have never SEENPP such a ADJ NOUN",
    "wait until the NOUN is ADJ",
    "PERSON did not ADV VERB the NOUN",
    "let us VERB PLACE TIME",
    "why would PERSON VERB a NOUN",
    "yes of course I can VERB it",
    "no I do not want the ADJ one",
)
LINKS = (
    "and", "but", "so", "because", "while", "and then", "or", "although", "before", "after that", "which means", "if",
)  # fmt: skip
OPENERS = ("", "", "", "", "well", "okay", "actually", "listen", "oh", "right", "anyway", "um", "look", "good morning")
ENDS = (".", ".", ".", "?", "!")
# Words apart by spaces; `_` is a space inside one.
WORDS = {
    "PERSON": "I you he she we they somebody everyone mother father grandma the_doctor my_friend the_teacher",
    "POSSESSED": "brother sister neighbour boss dentist uncle cousin daughter son wife husband",
    "SEEN": (
        "saw found took left kept lost broke bought sold made held carried dropped wanted watched painted moved hid"
    ),
    "SEENPP": "seen found taken bought made eaten heard read written",
    "VERBED": "said thought knew heard hoped felt believed told_me wrote forgot noticed explained",
    "VERB": (
        "open close find bring move clean call start stop watch read write check fix change buy sell turn "
        "push pull hold drop show hide cook wash cut lift carry follow answer visit paint draw catch throw "
        "build break help finish"
    ),
    "PLACE": (
        "here there outside upstairs downstairs at_home in_the_kitchen in_the_garden at_school in_the_car "
        "by_the_window near_the_station on_the_table in_the_bathroom behind_the_house at_work down_the_road "
        "across_the_street on_the_roof"
    ),
    "TIME": (
        "today tonight tomorrow yesterday now later again on_Monday on_Friday this_morning next_week "
        "last_year at_seven at_half_past_nine in_the_evening every_day soon before_dinner after_lunch in_June "
        "at_noon in_an_hour"
    ),
    "THING": "the_light the_radio the_fan the_heater the_television the_kettle the_lamp",
    "THINGS": "lights speakers lamps blinds alarms heaters",
    "NUMBER": (
        "one two three four five six seven eight nine ten eleven twelve thirteen fifteen sixteen eighteen "
        "twenty thirty forty fifty sixty seventy eighty ninety a_hundred twenty_one thirty_four forty_eight "
        "sixty_six ninety_nine two_hundred_and_five a_thousand"
    ),
}
# Slot -> Penn Treebank tags of the words that may fill it.
TAGS = {
    "NOUN": ("NN",),
    "NOUNS": ("NNS",),
    "ADJ": ("JJ",),
    "ADV": ("RB",),
    "GERUND": ("VBG",),
    "NAME": ("NNP",),
}
