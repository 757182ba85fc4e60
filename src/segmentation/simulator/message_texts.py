"""Short invented messages of customers, in four languages; ``{invoice}`` stands for the number."""

from segmentation.domain.vocabulary import OutcomeCode

TEXTS: dict[OutcomeCode, dict[str, tuple[str, str]]] = {
    OutcomeCode.NOT_RECEIVED: {
        "nl": ("Factuur {invoice}", "Wij hebben deze factuur niet ontvangen. Kunt u ze opnieuw sturen?"),
        "fr": ("Facture {invoice}", "Nous n'avons pas reçu cette facture. Pouvez-vous la renvoyer ?"),
        "en": ("Invoice {invoice}", "We did not receive this invoice. Could you send it again?"),
        "de": ("Rechnung {invoice}", "Wir haben diese Rechnung nicht erhalten. Bitte senden Sie sie erneut."),
    },
    OutcomeCode.AWAITING_APPROVAL: {
        "nl": (
            "Factuur {invoice}",
            "De factuur wacht bij ons nog op goedkeuring: het bestelnummer ontbreekt.",
        ),
        "fr": ("Facture {invoice}", "La facture attend encore une validation : le bon de commande manque."),
        "en": ("Invoice {invoice}", "The invoice is awaiting approval here: the order number is missing."),
        "de": ("Rechnung {invoice}", "Die Rechnung wartet noch auf Freigabe: die Bestellnummer fehlt."),
    },
    OutcomeCode.DISPUTED: {
        "nl": ("Factuur {invoice}", "Wij zijn het niet eens met deze factuur. Wilt u dit nakijken?"),
        "fr": ("Facture {invoice}", "Nous contestons cette facture. Merci de vérifier."),
        "en": ("Invoice {invoice}", "We do not agree with this invoice. Please look into it."),
        "de": (
            "Rechnung {invoice}",
            "Wir sind mit dieser Rechnung nicht einverstanden. Bitte prüfen Sie sie.",
        ),
    },
    OutcomeCode.CANNOT_PAY: {
        "nl": ("Betaling {invoice}", "Ik kan dit nu niet in één keer betalen. Kan het in delen?"),
        "fr": ("Paiement {invoice}", "Je ne peux pas payer en une fois. Est-ce possible en plusieurs fois ?"),
        "en": ("Payment {invoice}", "I cannot pay this all at once now. Could I pay in parts?"),
        "de": ("Zahlung {invoice}", "Ich kann das jetzt nicht auf einmal zahlen. Geht es in Raten?"),
    },
    OutcomeCode.WILL_NOT_PAY: {
        "nl": ("Factuur {invoice}", "Wij betalen deze factuur voorlopig niet."),
        "fr": ("Facture {invoice}", "Nous ne payons pas cette facture pour le moment."),
        "en": ("Invoice {invoice}", "We are not going to pay this invoice for now."),
        "de": ("Rechnung {invoice}", "Wir zahlen diese Rechnung vorerst nicht."),
    },
    OutcomeCode.IN_PAYMENT_RUN: {
        "nl": ("Factuur {invoice}", "De factuur gaat mee in onze volgende betaalronde."),
        "fr": ("Facture {invoice}", "La facture sera payée lors de notre prochaine série de paiements."),
        "en": ("Invoice {invoice}", "The invoice is in our next payment run."),
        "de": ("Rechnung {invoice}", "Die Rechnung ist in unserem nächsten Zahlungslauf."),
    },
}
"""Subject and text by what the message says and by language."""
