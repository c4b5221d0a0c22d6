"""What the door shows and says, put together from the configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from gpiozero.pins import Factory

from doorctl.core.prompt import Prompt
from doorctl.gpio.indicator import Indicator, Several, Shows, TextIndicator
from doorctl.gpio.voice import Voice
from doorctl.pin_sections import IndicatorConfig


class DoorIndicator:
    """Passes prompts on to lights and voice; while the camera is lost, the door is out of order."""

    def __init__(self, indicators: Several) -> None:
        self.camera_lost = False
        self._indicators = indicators

    def show(self, prompt: Prompt) -> None:
        """Show a prompt."""
        faulty = self.camera_lost and prompt is Prompt.IDLE
        self._indicators.show(Prompt.FAULT if faulty else prompt)


@contextmanager
def open_indicator(
    config: IndicatorConfig, factory: Factory, say: Callable[[str], object] | None = None
) -> Iterator[DoorIndicator]:
    """Lights, buzzer and voice, as far as they are configured. A part that fails is logged, and no more.

    Args:
        say: told the prompts' words, where somebody reads them.
    """
    with ExitStack() as stack:
        lights = Indicator(factory, active_high=config.active_high, **config.pins)
        parts: list[Shows] = [stack.enter_context(lights)]
        if say is not None:
            parts.append(TextIndicator(say))
        if config.voice is not None:
            parts.append(stack.enter_context(Voice(config.voice, config.player)))
        yield DoorIndicator(Several(*parts))
