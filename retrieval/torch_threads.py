"""How many threads PyTorch computes with on the CPU. Knows nothing of models or settings.

Left alone it starts one for each core of the machine, however little of their time a container is given.
"""

from retrieval.cores import cores


def limit_torch(threads: int = 0) -> None:
    """Have PyTorch compute with `threads` in this whole process. 0: with no more than there are cores for."""
    import torch  # noqa: PLC0415 - a heavy optional engine

    torch.set_num_threads(threads or min(torch.get_num_threads(), cores()))
