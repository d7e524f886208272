"""Abuse is told from mere profanity, from harmless senses, and from speaking about abuse."""

from __future__ import annotations

import pytest

from dataplane.inspection.recognizers import toxicity
from tests.inspection.signals_kit import MEDIUM, candidates, score


@pytest.mark.parametrize(
    "text",
    [
        "You are such a pathetic loser",
        "shut up you stupid bitch",
        "I will kill you and your family",
        "I hope you die",
        "All immigrants are vermin",
        "women should not be allowed to vote",
        "go back to your country",
        "Du bist ein Arschloch",
        "I am so sick of all those foreigners",
        "Immigrant lives are worth nothing",
        "Somebody should just hang all these migrants",
        "There is nothing worse than a feminist",
        "that incompetent, lying clown should resign",
        "the mayor is a pathetic coward",
        "He belongs before a firing squad, they all should be hanged",
        "What a bunch of covidiots and dumbshits",
        "f*ck you, you worthless b*tch",
        "n1gg3r",
        "Immigrants like them are vile",
        "you have your head up your ass",
        "I hope all of you rot in hell",
        "you are all a bunch of dicks",
        "Who the fuck are you?",
        "Shut up. Nobody reads this.",
        "lol you're gay!",
        "I hate your guts",
        "the mayor's supporters are delusional",
        "they are all crooks and he is a fraud",
        "Those idiots believe anything",
        "This clown should resign",
        "the typical right wing nut",
        "They are breeding like rats",
        "send the illegals home",
        "How about you fk off",
        "Everybody in that office should be hanged",
        "The minister is too stupid to understand it",
        "hey idiot, read the article",
        "Trudeau is a fool",
        "Your comment is idiotic",
        "How ignorant!",
        "those pathetic excuses again",
        "Fix your own house first, hypocrite.",
        "Stop lying to us, coward!",
        "You stupid motherfucker! I bet you would never say that to anyone's face",
        "The voters of that party really are clueless",
        "She should shoot the next immigrant she sees",
        "We should put an end to those foreigners",
        "Execution is the only solution for gay people",
        "I am so pissed off by immigrants",
        "Human rights should not apply to women",
    ],
)
def test_insults_threats_and_attacks_on_groups_are_toxic(text: str) -> None:
    assert score(toxicity.make, text) >= MEDIUM


@pytest.mark.parametrize(
    "text",
    [
        "Damn, that was fucking great",
        "How do I kill a zombie process?",
        "Add mustard and custard to taste.",
        "Weed the garden with a hoe.",
        "The fire retardant coating dries quickly.",
        "Women are under-represented in parliament.",
        "I don't hate women.",
        "Someone called me a bitch at work. How do I report harassment?",
        "He was killed in an accident.",
        "My printer is stupid.",
        "Threatening to kill all immigrants is a crime.",
        "The dykes held: the embankments were raised last year.",
        "He smoked a fag on the balcony.",
        "Refugees do not deserve to be treated like this.",
        "No foreigner should be deported for that.",
        "People who say that migrants are criminals have never met one.",
        'He wrote "all immigrants are vermin" on the wall, and we reported it.',
        "It is sexist to say that women are inferior.",
        "Nobody may tell me that gay people are disgusting, that is hateful.",
        "I was such an idiot back then.",
        "Love to all my queers at the parade!",
        "My mechanic says the tranny needs new fluid.",
        "How can we kill all the weeds between these stones?",
        "I hurt her feelings and apologised.",
        "Add custard, mustard and a leotard to the list.",
        "Electing a woman into office was the best thing we did.",
        "Output the pos tags; a pos tagger is enough.",
        "You can't really think that immigrants are stupid.",
        "If you're telling women to shut the fuck up, leave the channel.",
        "Everybody hears people saying refugees are vermin, and it hurts.",
        "Nobody needs to be an asshole about it.",
        "The convicted rapist was sentenced to nine years.",
        "Plot f*g and p*y, then call f off the main thread; f you define yourself.",
        "Press **b** for bold, **s** for save and **n** for new.",
        "Are they kidding? This shit is hilarious.",
        "The shit you make is fucking gold",
        "You can shut up to forty chickens in the coop",
        "He told me to shut up and drive",
        "He is not a fraud, and she was never insane",
        "My brother is gay and so are two of my friends",
        "You fool around with the settings too much",
        "Dostoevsky wrote The Idiot",
        "There are no stupid questions",
        "I made a stupid mistake in line 3",
        "I feel so stupid, where is the comma missing?",
        "Keep it simple, stupid: one function, one job",
        "The game has a winner and a loser",
        "An idiot-proof installer and The Complete Idiot's Guide to Chess",
        "Pathetic fallacy gives weather the feelings of the hero",
        "She was ignorant of the new rule",
        "Women are the very opposite of stupid",
        "The council built two dykes against the sea",
        "She bought faggots at the butcher",
        "We faggots are proud, and all my friends are",
        "The treaty put an end to the war and to forced labour of women",
        "Thousands of refugees drowned in the sea last year",
        "Execute all tests and kill every child process",
        "Kill all of them with pkill -f",
        "Execute every 5 minutes with cron",
        "Drop dead code from the build",
        "Is it stupid to use a global variable here?",
        "this stupid code does not compile",
        "The company posted pathetic results this quarter",
        "Moronic acid is a natural triterpene",
        "1488 was the year in which Dias rounded the Cape",
        "frequencies: 943, 337, 1488, 257",
        "Fuzzing with libFuzzer",
        'People who write "You are an idiot" below an article get blocked',
        "Are you fucking kidding me?",
        "We got to fuck off earlier than usual tonight",
        "I can never get my kids to shut the fuck up",
        "That was a total scumbag move of me",
        "I have been called an annoying prick before",
        "Let us hang all these pictures in the hall",
        "The photograph should be shot from below",
        "Negro league players had no pension",
        "the asses and passes of the caravan, a cocktail, a dickens of a time",
    ],
)
def test_profanity_and_harmless_senses_are_not(text: str) -> None:
    assert score(toxicity.make, text) < MEDIUM


@pytest.mark.parametrize(
    "text",
    [
        "Are you fucking kidding me, you retarded faggot",
        "There are no good Muslims, all Muslims are vermin",
        "I hate you acting like a bitch, I will kill you",
        "That dyke by the river, I will rape her",
    ],
)
def test_a_harmless_turn_excuses_nothing_beside_it(text: str) -> None:
    assert score(toxicity.make, text) >= MEDIUM


def test_spans_are_of_the_words_so_that_an_answer_can_be_redacted() -> None:
    text = "Thanks for asking, the result is 4. You are an idiot."
    assert {text[found.start : found.end] for found in candidates(toxicity.make, text)} == {
        "You are an idiot"
    }


def test_every_slur_of_an_outburst_is_spanned() -> None:
    text = "bitch " * 20
    assert len(candidates(toxicity.make, text)) == 20
