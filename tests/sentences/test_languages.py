"""Other languages than English: a few sentences of each, written for these tests, and which languages there are."""

import dataclasses

import punkt
import pytest

from reportgen.documents import Block, Document
from reportgen.errors import DocumentError
from reportgen.sentences import in_language, split_sentences
from reportgen.sentences.elsewhere import TITLES
from reportgen.sentences.language import LANGUAGES

MARKED = {
    "cs": "Pan prof. Novák přišel.|Proč?|„Ne!“ řekl.|Bydlí v ul. Dlouhá 5.|Nikdo nepřišel.",
    "da": "Hr. Jensen kom kl. 9.|Hvorfor?|»Nej!« sagde han.|Det er f.eks. sådan.|Ingen kom.",
    "de": "Dr. Braun kam am 3. Oktober an.|„Nein!“ sagte er, z. B. zu Hrn. Müller.|Das war, wie ges., im 19. Jahrhundert.|Wer weiß?|Die Fa. Meier u. Co. schwieg.|»Ja!« rief sie.|Ludwig XIV. war König.",
    "el": "Ο κ. Παπαδόπουλος ήρθε.|Γιατί;|Δεν ξέρω.|Είναι εδώ!|Κανείς δεν ήρθε.",
    "es": "El Sr. García llegó a las 5 p. m. del lunes.|¿Quién es?|¡Claro!|La Sra. Ruiz vive en EE. UU. desde 1990.|Véase la pág. 12.|Nadie vino.",
    "et": 'Dr. Tamm tuli.|Miks?|"Ei!" ütles ta.|See on nt. nii.|Keegi ei tulnud.',
    "fi": 'Tri Virtanen tuli klo 9.|Miksi?|"Ei!" hän sanoi.|Se on esim. näin.|Kukaan ei tullut.',
    "fr": "M. Dupont est arrivé.|« Non ! » dit-il à Mme Leroy.|Il a vu J. P. Martin, cf. p. 12.|Pourquoi ?|Parce que c'est vrai !|Le no 5 est cher, etc. mais beau.|« Venez. »|Elle partit.",
    "it": "Il dott. Rossi è arrivato.|Perché?|«Non so!» disse il sig. Bianchi.|Vedi pag. 12 e fig. 3.|Era il 3.5 per cento.|Nessuno parlò.",
    "ml": "ഇത് ഒരു വീടാണ്.|അത് വലുതാണ്.|ആരാണ് അവിടെ?|ഞാൻ ഇവിടെ ഉണ്ട്.|അവൻ വന്നു!",
    "nl": 'Dhr. Jansen kwam om 9 uur.|Waarom?|"Nee!" zei hij.|Dat is bijv. zo bij prof. De Vries.|Niemand kwam.',
    "no": "Dr. Hansen kom kl. 9.|Hvorfor?|«Nei!» sa han.|Det er f.eks. slik.|Ingen kom.",
    "pl": "Prof. Nowak przyszedł.|Dlaczego?|„Nie!” powiedział.|Mieszka przy ul. Długiej 5.|Nikt nie przyszedł.",
    "pt": "O Sr. Silva chegou.|Por quê?|A Dra. Costa mora na av. Brasil.|Ver pág. 12.|Ninguém veio.",
    "ru": "Проф. Иванов пришёл в 9 ч. утра.|Почему?|«Нет!» сказал он.|Это было в 1990 г. и позже.|Никто не пришёл.",
    "sl": "Dr. Novak je prišel.|Zakaj?|»Ne!« je rekel.|Glej str. 12.|Nihče ni prišel.",
    "sv": 'Dr. Berg kom kl. 9.|Varför?|"Nej!" sade han.|Det är t.ex. så.|Ingen kom.',
    "tr": 'Dr. Yılmaz geldi.|Neden?|"Hayır!" dedi.|Saat 9.30 oldu.|Kimse gelmedi.',
}


def paragraph(text: str, language: str = "en") -> Document:
    return Document(title="", text=text, source="a.txt", blocks=(Block(start=0, end=len(text), kind="paragraph"),), sha256="", language=language)


@pytest.mark.parametrize("language", MARKED)
def test_marked_sentences_of_a_language_are_split_where_the_marks_are(language):
    parts = MARKED[language].split("|")
    document = paragraph(" ".join(parts), language)
    assert [document.text[sentence.start : sentence.end] for sentence in split_sentences(document)] == parts


def test_every_language_whose_data_the_package_carries_is_known_and_has_marked_sentences():
    assert {*LANGUAGES.values(), "english_web"} == set(punkt.available_languages())
    assert {*MARKED, "en"} == {*TITLES, "en"} == set(LANGUAGES)


@pytest.mark.parametrize(("asked", "code"), [("de", "de"), ("DE", "de"), ("de-AT", "de"), ("pt_BR", "pt"), ("nb", "no"), (None, "fr")])
def test_a_language_is_known_by_its_code_whatever_region_is_added(asked, code):
    assert in_language(paragraph("Un.", "fr-CA"), asked).language == code


@pytest.mark.parametrize("asked", ["tlh", "", "zh-Hant", "english"])
def test_a_language_without_rules_is_refused_with_those_there_are(asked):
    with pytest.raises(DocumentError, match="en \\(English\\).*--language"):
        split_sentences(dataclasses.replace(paragraph("One."), language=asked))


def test_a_document_whose_sentences_are_given_may_be_in_any_language():
    assert in_language(paragraph("One."), "tlh", rules=False).language == "tlh"
