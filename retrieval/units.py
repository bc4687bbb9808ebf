"""Units of measure and currencies, by the words and signs that people write for them in a few languages.

Knows nothing of numbers or texts.
"""

from collections.abc import Mapping
from decimal import Decimal

# Units that exclude each other: "30 days" is not "30 weeks". What is no unit ("30 laptops") is left to the overlap.
_UNITS: Mapping[str, str] = {
    word: unit
    for unit, words in {
        "%": "% percent percentage prozent pourcent",
        "EUR": "€ eur euro euros",
        "USD": "$ usd dollar dollars",
        "GBP": "£ gbp pound pounds sterling",
        "CHF": "chf franc francs franken",
        "JPY": "¥ jpy yen",
        "ms": "ms millisecond milliseconds millisekunde millisekunden milliseconde millisecondes",
        "second": "second seconds sec secs s sekunde sekunden seconde secondes",
        "minute": "minute minutes min mins minuten minuto minutos minuti",
        "hour": "hour hours hr hrs h stunde stunden heure heures hora horas",
        "day": "day days tag tage tagen jour jours día días giorno giorni dias",
        "week": "week weeks woche wochen semaine semaines semana semanas settimana settimane",
        "month": "month months monat monate monaten mois mes meses mese mesi",
        "year": "year years jahr jahre jahren yr yrs ans année années año años anni anos",
        "km": "km kilometer kilometers kilometre kilometres kilomètre kilomètres",
        "mile": "mile miles mi",
        "m": "m meter meters metre metres mètre mètres",
        "cm": "cm centimeter centimeters centimetre centimetres zentimeter",
        "mm": "mm millimeter millimeters millimetre millimetres",
        "foot": "ft foot feet",
        "inch": "inch inches zoll",
        "acre": "acre acres",
        "hectare": "ha hectare hectares",
        "kg": "kg kilogram kilograms kilogramm kilo kilos",
        "g": "g gram grams gramm grammes",
        "mg": "mg milligram milligrams",
        "lb": "lb lbs",
        "litre": "l liter liters litre litres",
        "ml": "ml milliliter milliliters millilitre millilitres",
        "kW": "kw kilowatt kilowatts",
        "kWh": "kwh",
        "MW": "mw megawatt megawatts",
        "Mbit": "mbit mbps",
        "Gbit": "gbit gbps",
        "GHz": "ghz",
        "MHz": "mhz",
        "kB": "kb kilobyte kilobytes kib",
        "MB": "mb megabyte megabytes mib",
        "GB": "gb gigabyte gigabytes gib",
        "TB": "tb terabyte terabytes tib",
        "°C": "°c celsius",
        "°F": "°f fahrenheit",
    }.items()
    for word in words.split()
}
# What a unit is of, and how many of the smallest of these it holds. Days are not months: a month has no one length.
_SIZES: Mapping[str, tuple[str, int]] = {
    "second": ("time", 1),
    "minute": ("time", 60),
    "hour": ("time", 3_600),
    "day": ("time", 86_400),
    "week": ("time", 604_800),
    "month": ("calendar", 1),
    "year": ("calendar", 12),
    "mm": ("length", 1),
    "cm": ("length", 10),
    "m": ("length", 1_000),
    "km": ("length", 1_000_000),
    "mg": ("weight", 1),
    "g": ("weight", 1_000),
    "kg": ("weight", 1_000_000),
    "ml": ("volume", 1),
    "litre": ("volume", 1_000),
}


def unit_of(word: str) -> str:
    """The unit that a word or sign (lower case) stands for, "" for none."""
    return _UNITS.get(word, "")


def is_unit(word: str) -> bool:
    """Whether `word` (lower case) is a unit or a currency."""
    return word in _UNITS


def converted(value: Decimal, unit: str) -> tuple[Decimal, str]:
    """The same amount in the smallest unit of its kind: 2 weeks and 14 days are one. What has no kind stays."""
    kind, size = _SIZES.get(unit, (unit, 1))
    return value * size, kind
