"""The English words that finding mentions depends on: pronouns by what they can stand for, titles, and words that name nothing."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MALE, FEMALE, THING, PLURAL = "male", "female", "thing", "plural"

PRONOUNS = {
    **dict.fromkeys(("he", "him", "his", "himself"), MALE),
    **dict.fromkeys(("she", "her", "hers", "herself"), FEMALE),
    **dict.fromkeys(("its", "itself"), THING),
    **dict.fromkeys(("they", "them", "their", "theirs", "themselves"), PLURAL),
}

# Before a name they are no part of it; some say whom it can be.
TITLES = {
    **dict.fromkeys(("mr", "sir", "lord", "king", "prince", "master", "uncle", "father"), MALE),
    **dict.fromkeys(("mrs", "ms", "miss", "mme", "lady", "queen", "princess", "madam", "aunt", "mother"), FEMALE),
    **dict.fromkeys(("dr", "prof", "professor", "rev", "st", "capt", "captain", "col", "colonel", "gen", "general", "judge", "senator", "president"), None),
}

# A name right after one of these is a place more often than a person.
BEFORE_PLACES = _words("in at near across through throughout within into outside inside around the")

CALENDAR = _words(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october
    november december mondays tuesdays wednesdays thursdays fridays saturdays sundays"""
)

# Words of closed classes: they name nothing, and a token of theirs is compared with others of theirs.
FUNCTION_WORDS = _words(
    """a an the this that these those i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself
    she her hers herself it its itself they them their theirs themselves who whom whose which what whoever whatever whichever one ones
    some any no none every each either neither both all many much few little more most several such other others another same own
    and or but nor yet so for if unless although though because since while whereas whether than as when whenever where wherever how
    why until till before after once of in on at by to from with without within into onto upon over under above below between among
    through throughout during against about around across along behind beside besides beyond near off out up down toward towards per
    via like despite except not never only just also too very even still already again ever quite rather almost then there here now
    am is are was were be been being do does did doing done have has had having will would shall should can could may might must
    ought let yes oh mr mrs ms dr st"""
)
