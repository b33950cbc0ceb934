"""`python -m weather_assets`, the same as the `weather-assets` command."""

from weather_assets.cli import main

if __name__ == "__main__":
    main()
