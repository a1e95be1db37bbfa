"""The words that the sentence rules know: abbreviations by what may follow them, and words that open sentences.

All are written without their last period; those that are told apart by case say so.
"""


def words(text: str) -> frozenset[str]:
    """The words of this text."""
    return frozenset(text.split())


# Written with a capital, always before a name.
TITLES = words(
    """adm brig capt cmdr col cpl cpt dr drs fr gen gov hon lieut lt maj messrs mgr mlle mm mme mmes mr mrs ms
    mx pres prof profs rep reps rev sen sens sgt supt"""
)

# Whatever comes next belongs to them.
NEVER_LAST = words("e.g i.e eg ie cf viz vs v ca esp approx")

# Before a number, a letter or a bracket they point at something; otherwise they are as other abbreviations.
REFERENCES = words(
    """abb alg algs amend app appx arch art arts bd bk bks c ch chap chaps chs cl cls col cols cor d def defs
    div eq eqn eqns eqs ex exh exs ff fig figs fl fn fol fols hft l lem ll ln lns ms mss n nn no nos nr nrs obs op p
    par para paras pars pl pls pp prob prop props prov pt pts q qq r ref refs reg rem rm s sch sched sec sect
    sects secs ser ses sess st stat supp suppl t tab tabs thm thms tit v ver vers vol vols vs §"""
)

# Of those, the ones that are plain words as well: no number after them, no abbreviation.
ALSO_WORDS = words(
    """alg amend app arch art arts bk chap chaps cl col cor def div ex fig figs no par pars pl prob prop props
    pt ref refs rem sec ser tab tabs tit"""
)

# They end a sentence as often as not: a clear start has to follow.
OPEN_ENDED = words(
    """acad al anon assn assoc asst aug ave b bd bldg blvd bros bull cent cf cie cir circ civ co corp crim ct
    cts cwt dec dept dist doc ed edn eds eng esq est et etc ext fac fed feb ff fol ft gov govt hosp hwy ibid
    id inc incl inst intl introd isl jan jnl jr jul jun lab lat ld lib lit loc ltd mar med mem misc ms mss mt
    mts mtg natl neg nov oct orig ph phil philos phys pl pop pos proc pseud psych pub publ qtr quot rd repr
    res resp retd rev rpt sc sci seq sep sept soc sq sr st sta stat sub supp suppl supra symp tel temp trans
    transl treas univ unpubl usu var vet viz vol yr yrs a.k.a a.m p.m approx avg max min w.r.t i.i.d w.l.o.g
    cit add arith biochem biol bot chem clin comput econ ecol educ environ genet geol hist inf jurisp lang lett ling magn math mech
    meteorol microbiol neurol neurosci nutr opt org pathol pediatr pharmacol philol physiol polit psychol quant radiol statist surg symb technol
    theor zool bus com gt att'y adm'r ass'n comm'n comm'r dep't gov't int'l nat'l sec'y adj adjud admin aff ann apr arb att atty auth bankr bhd bur cal cas chron cmty comm commn comp conf cong const consol constr cont
    ctr cty def dep deps dev dir distrib div elec emp eng enter envtl equip evid exch exec exp fam fdn fin gen grp guar hous immigr
    indem indep indus invs juv labs litig mach maint mfg mfr mgmt mkt mun mut nw org penal pers pharm pres prob prod prods prof rec ref refin
    rehab res rests sav sch sec secs shipp ss supt sur sys taxn tchr twp unif util veh vill wkly workmen
    ala ariz ark calif colo conn del fla ga ill ind kan ky la mass md mich minn mo mont neb nev okla ore pa penn tenn tex va vt wash wis wyo
    alta ont que sask bart cpl esp fl fr gal ger gk hon heb jas lat messrs misc mme nee pvt visct wm xmas anc mod
    sup super sing ord opp"""
)

# Nothing that goes on begins with a capital after these.
CLOSING = words("etc seq ibid ff passim u.s.a")

# After a number.
UNITS = words("bu cc cl cm cu ft g gal gm hr hrs kg km kw l lb lbs m mg mi min mins ml mm mph oz pt qt s sec secs yd yds yr yrs")

# States after a city, as the press and the law of the United States and Canada shorten them; those that are written in full have no period.
STATES = words(
    """Ala Ariz Ark Calif Cal Colo Conn Del Fla Ga Ill Ind Kan Kans Ky La Mass Md Me Mich Minn Miss Mo Mont Neb Nebr Nev Okla Ore Pa Tenn Tex
    Va Vt Wash Wis Wyo D.C N.C N.D N.H N.J N.M N.Y R.I S.C S.D W.Va Alta B.C Man N.B N.S Ont P.E.I P.R Que Sask"""
)

TIME_ZONES = words(
    """AEST BST CDT CEST CET CST EDT EST GMT HST IST JST MDT MST PDT PST UTC Atlantic Central Eastern Greenwich Mountain Pacific Mass
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August September October November December"""
)

# Names that carry a mark.
MARKED_NAMES = words("Yahoo Jeopardy Wham")

# No sentence ends with one of these: an emoji after them shows what comes next.
NEVER_LAST_WORDS = words(
    """a an and as at but by for from i if in into like love miss my of on or our than that the their these this those to very visit we when with your you"""
)

# Written with a capital; in lower case some are plain words.
MONTHS_AND_DAYS = words("Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun")

# Of the abbreviations above and of Punkt's own, the ones that are plain words when they end a sentence in lower case.
PLAIN_IN_LOWER_CASE = words(
    """bus com gt add ark bull cal comm comp conf cong cont def del dev dir doc emp enter ex exp fin gal gen grip id ill inf la lab lit mach mar mass math max me
    miss mod nee ok opt ord ore pa pen pop pub quant rec ref res sat sav sing sub sun sup super sur surg temp vet wash wed
    admin auth con const exec fam labs org penal prof rehab rests xmas"""
)

# After an abbreviation, a capital on one of these is a sentence's.
SENTENCE_STARTS = words(
    """A After Again All Also Although An And Another Any Anybody Anyone Anything As At Because Before Between
    Both But By Can Could Currently Did Do Does Don't During Each Either Elsewhere Even Every Everybody
    Everyone Everything Finally First For From Furthermore Given Had Has Have He He's Hence Her Here His How
    However I I'm I've If In Indeed Instead Is It It's Its Just Last Later Let Like Many Meanwhile Might More
    Moreover Most Much Must My Neither Nevertheless Next No Nobody None Nor Not Nothing Now Nowhere Of Often
    On Once One Only Or Other Others Our Out Over Perhaps Please Rather Recently Second Several She She's
    Should Similarly Since So Some Somebody Someone Something Sometimes Still Such Than That That's The Their
    Then There There's Therefore These They They're Third This Those Though Through Throughout Thus To Today
    Together Tomorrow Tonight Under Unless Unlike Until Upon Using Usually Was We We've Were What Whatever
    When Whenever Where Whereas Wherever Whether Which While Who Whose Why Will With Within Without Would Yes
    Yesterday Yet You Your"""
)

# Of those, the ones that are surnames too ("X. He", "J. So"), or begin names and titles ("A. In" is neither).
ALSO_SURNAMES = words("An Can Do He Her In Just Like Long Last May More Much Over Second She So Such Than To Will You Your")

# A single capital after one of these is a label, not an initial.
LABELLED = words(
    """alg app appendix article book box case category ch chap chapter class column condition cor division eq
    eqs equation exhibit experiment fig figs figure grade group hepatitis hypothesis influenza item lem lemma
    level line lot model note option page panel part phase plan point problem prop proposition pt question
    room schedule sec sect section series solution stage step tab table team theorem thm type variant version
    vitamin vol volume war"""
)

# Before "I.", they make it the pronoun.
BEFORE_PRONOUN = words(
    """am are as be but can cannot could did do had have if may might must nor not said shall should so than
    then thought was were will would exclaimed cried replied"""
)

# In lower case, after an emoji, they go on.
GOING_ON = words("also and because but cause cuz for if or since so than that then to when where which while who with")

# Of the verbs below, those that tell as often of a gesture.
GESTURES = words("breathed gasped groaned laughed moaned sighed sobbed")

VERBS_OF_SAYING = words(
    """added admitted agreed announced answered asked begged bellowed breathed called commented continued
    cried cries declared demanded echoed exclaimed enquired gasped groaned growled grumbled inquired insisted
    interjected interrupted laughed moaned mumbled murmured muttered objected observed persisted pleaded
    protested queried quoth remarked repeated replied responded resumed retorted returned roared said says
    screamed shouted shrieked sighed snapped sobbed stammered suggested thought thundered urged wailed
    whispered wondered yelled"""
)
