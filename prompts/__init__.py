"""Every word said to a model: versioned prompt files and their loader."""

from prompts.blocks import BlockLimits, data_block, read_blocks
from prompts.errors import ChangedPrompt, PromptError, PromptTooLarge, UnknownPrompt, WrongVariables
from prompts.loader import load_prompt, publish_prompts
from prompts.prompt import Prompt, Words, parse_prompt

__all__ = [
    "BlockLimits",
    "ChangedPrompt",
    "Prompt",
    "PromptError",
    "PromptTooLarge",
    "UnknownPrompt",
    "Words",
    "WrongVariables",
    "data_block",
    "load_prompt",
    "parse_prompt",
    "publish_prompts",
    "read_blocks",
]
