"""`python -m prompts.publish`: lock the new versions of prompts."""

from prompts.loader import publish_prompts

if __name__ == "__main__":
    print("published: " + (", ".join(publish_prompts()) or "nothing new"))
