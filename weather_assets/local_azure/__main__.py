"""The command `local-azure`, of the installation that runs this."""

from weather_assets.local_azure.cli import main

if __name__ == "__main__":
    main()
