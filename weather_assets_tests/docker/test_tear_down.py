"""Nothing of a stack remains. The last file of this folder: it takes the stack away."""

from weather_assets_tests.docker.stack import REPOSITORY, Stack, left_of


def test_down_keeps_what_was_made(stack: Stack) -> None:
    volumes = {f"{stack.name}_{each}" for each in ("data", "mlflow", "postgres", "raw")}
    stack.command("down")
    images = {each for each in left_of(stack.name) if ":" in each}
    assert set(left_of(stack.name)) == volumes | images


def test_remove_leaves_nothing(stack: Stack) -> None:
    passwords = REPOSITORY / "data" / "stack" / f"{stack.name}.passwords"
    assert passwords.stat().st_mode & 0o077 == 0
    stack.command("remove")
    assert left_of(stack.name) == []
    assert not passwords.exists()
