"""Which sentences say that the sources do not answer, and which are rules of the company that only sound like it."""

import pytest

from retrieval.admissions import admits_ignorance


@pytest.mark.parametrize(
    "sentence",
    [
        "I don't know.",
        "I'm sorry, but I cannot find this in the policy.",
        "I am unable to answer that from the sources.",
        "I'm not able to determine the limit.",
        "I could not find this in the documents.",
        "The sources do not contain information about that.",
        "The provided documents don’t mention a sabbatical.",
        "None of the sources mention a limit for taxis, so I cannot say.",
        "Based on the provided context, the documents do not specify a limit.",
        "The information provided does not include the price.",
        "Sources do not say who approves it.",
        "There is no information on this.",
        "There is not enough information in the sources to answer.",
        "No information about parental leave is available.",
        "No specific details are given in the documents.",
        "The limit is not mentioned in the provided sources.",
        "This information is not available.",
        "The documents contain no information about pets.",
        "The cited excerpts do not explicitly state the deadline.",
        "NO_ANSWER",
        "Die Quellen enthalten keine Angaben dazu.",
        "In den Dokumenten wird die Frist nicht erwähnt.",
        "Dazu habe ich in den Unterlagen nichts gefunden.",
        "Das geht aus den vorliegenden Quellen nicht hervor.",
        "Es gibt keine Informationen über Haustiere.",
        "Ich weiß es nicht.",
        "Ich kann diese Frage nicht beantworten.",
        "Les sources ne mentionnent pas de limite.",
        "Les documents fournis ne précisent pas le délai.",
        "Je ne sais pas.",
        "Je n'ai trouvé aucune information.",
        "Il n'y a pas d'information à ce sujet.",
        "Aucune information n'est disponible.",
        "Le délai n'est pas mentionné dans les documents.",
    ],
)
def test_ignorance_is_recognised(sentence: str) -> None:
    assert admits_ignorance(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Claims older than 90 days are not paid.",
        "Contractors have no right to annual leave.",
        "Confidential information must not be given to third parties.",
        "Documents must not contain passwords.",
        "Documents that do not contain a signature are rejected.",
        "Personal information may not be included in tickets.",
        "The information must not be provided by telephone.",
        "No information may be given to the press.",
        "No details are shared with other departments.",
        "The policy does not cover dental treatment.",
        "The contract does not include travel costs.",
        "If the documents do not include an invoice, the claim is returned.",
        "You cannot find the form outside the intranet.",
        "Employees who do not know the code call the front desk.",
        "Die Dokumente dürfen keine Informationen über Kunden enthalten.",
        "Es gibt keine Informationen an Dritte.",
        "Ich kann den Antrag nicht stellen.",
        "Aucune information sur les clients ne doit être transmise.",
        "Aucune donnée ne quitte l'Union européenne.",
        "Les documents ne donnent pas droit à un remboursement.",
        "There is no data on the laptop.",
        "Sensitive data is not included in the documents we share with partners.",
        "Source code must not contain secrets.",
        "The documents don't state this explicitly, however all interns get a bonus.",
        "These documents do not have to be signed.",
        "Although the sources do not mention it, the limit was raised.",
        "There is no information security officer in Porto.",
        "Vertrauliche Informationen dürfen nicht weitergegeben werden.",
        "Dokumente ohne Unterschrift werden nicht angenommen.",
        "Es gibt keine Probezeit.",
        "Les documents ne doivent pas contenir de mots de passe.",
        "Les informations ne sont pas transmises à des tiers.",
        "Il n'y a pas de période d'essai.",
    ],
)
def test_a_rule_of_the_company_is_not_ignorance(sentence: str) -> None:
    assert not admits_ignorance(sentence)
