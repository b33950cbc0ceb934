"""What columns are called in four languages."""

import pytest

from weather_assets.suggestion.names import Meaning, meaning_of

AIR, RAIN, PRESSURE = "air_temperature", "precipitation_amount", "surface_air_pressure"
MEANINGS = {
    "Lufttemperatur [°C]": Meaning(AIR, "degC"),
    "Höchsttemperatur": Meaning(AIR, "", "maximum"),
    "Hoechsttemperatur_C": Meaning(AIR, "degC", "maximum"),
    "température moyenne (°C)": Meaning(AIR, "degC", "mean"),
    "Temperatura mínima": Meaning(AIR, "", "minimum"),
    "Bodentemperatur": Meaning(),
    "gefühlte Temperatur": Meaning(),
    "Taupunkt_C": Meaning("dew_point_temperature", "degC"),
    "point de rosée": Meaning("dew_point_temperature"),
    "Luftfeuchte": Meaning("relative_humidity"),
    "Luftfeuchtigkeit (%)": Meaning("relative_humidity", "percent"),
    "Humedad relativa (%)": Meaning("relative_humidity", "percent"),
    "Luftdruck_hPa": Meaning(PRESSURE, "hPa"),
    "presión": Meaning(PRESSURE),
    "Luftdruck auf Meereshöhe (hPa)": Meaning("air_pressure_at_mean_sea_level", "hPa"),
    "Bewölkung (%)": Meaning("cloud_area_fraction", "percent"),
    "Bewoelkung": Meaning("cloud_area_fraction"),
    "nébulosité": Meaning("cloud_area_fraction"),
    "Niederschlag_mm": Meaning(RAIN, "mm"),
    "Regenwahrscheinlichkeit": Meaning(),
    "pluie (mm)": Meaning(RAIN, "mm"),
    "Lluvia mm": Meaning(RAIN, "mm"),
    "Windgeschwindigkeit_m/s": Meaning("wind_speed", "m s-1"),
    "Windrichtung (°)": Meaning("wind_from_direction", "degree"),
    "Böe (km/h)": Meaning("wind_speed_of_gust", "km hour-1"),
    "vitesse du vent (m/s)": Meaning("wind_speed", "m s-1"),
    "Velocidad del viento (km/h)": Meaning("wind_speed", "km hour-1"),
    "Sichtweite_km": Meaning("visibility_in_air", "km"),
    "relative_humidity_2m": Meaning("relative_humidity"),
    "ventilation": Meaning(),
    "solution": Meaning(),
}


@pytest.mark.parametrize("name", MEANINGS)
def test_names_are_understood(name: str) -> None:
    assert meaning_of(name) == MEANINGS[name]
