"""Trains the tokenizer of the small model on plotting code and writes the processor folder that goes with it.

    python -m chart2code.tokenizer --output configs/tiny_processor

Byte-level BPE: any text goes through and comes back unchanged. Digits are tokens of their own, so that a number is
read and written digit by digit; capitalised words are split off the code around them, so that a word of a title is one
token whatever follows it; all else, the fixed phrases of plotting code, may merge as far as frequency carries it.
"""

import argparse
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast, SiglipImageProcessorPil

from chart2code.synthetic import generate_program
from processing_c2c_mola import C2CMolaProcessor

BOS, EOS, PAD = "<|startofcode|>", "<|endofcode|>", "<|pad|>"
SPLIT = Regex(r"\d| ?[A-Z][a-z]+|[A-Z]+|[^\dA-Z]+")
# The small decoder knows one task: whatever the conversation says, the answer is the code of the chart.
CHAT_TEMPLATE = (
    "{{ '" + BOS + "' }}{% for message in messages %}{% if message['role'] == 'assistant' %}"
    "{{ message['content'] if message['content'] is string else message['content'][0]['text'] }}"
    "{{ '" + EOS + "' }}{% endif %}{% endfor %}"
)


def train_tokenizer(programs: list[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE of `vocab_size` tokens, the three special ones first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(SPLIT, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[BOS, EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(programs, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=1024,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", default="configs/tiny_processor", help="folder of the processor")
    parser.add_argument("--vocab_size", type=int, default=1536)
    parser.add_argument("--num_programs", type=int, default=20000, help="training programs to learn from")
    arguments = parser.parse_args()
    seeds = tqdm(range(arguments.num_programs), desc="programs")
    programs = [generate_program(seed, "train").code for seed in seeds]
    tokenizer = train_tokenizer(programs, arguments.vocab_size)
    lengths = sorted(len(tokenizer(program)["input_ids"]) for program in programs[:2000])
    print(f"{len(tokenizer)} tokens; programs: mean {sum(lengths) / len(lengths):.1f}, longest {lengths[-1]} tokens")
    image_processor = SiglipImageProcessorPil(size={"height": 512, "width": 512}, do_convert_rgb=True)
    processor = C2CMolaProcessor(image_processor, tokenizer, chart_prompt=BOS, chat_template=CHAT_TEMPLATE)
    processor.save_pretrained(arguments.output)
    # A second copy of the processor's code inside this repository would only go stale.
    Path(arguments.output, "processing_c2c_mola.py").unlink()


if __name__ == "__main__":
    main()
