"""Find the other passage nearest to each true sentence: `python -m tests.evaluation.support_nearest`.

Writes their ids to `support_nearest.json`: embedding every passage takes minutes, and a gate has no time for it.
"""

import json

import numpy as np

from tests.evaluation.data_sets import arguments
from tests.evaluation.kept_vectors import KeptVectors
from tests.evaluation.support_set import NEAREST, all_passages, another, answers

# A sentence whose nearest so many are all its own passages, or cuts of them, has none.
LOOKED_AT = 20


def main() -> None:
    options = arguments(__doc__ or "").parse_args()
    embed = KeptVectors(options.models.parent / "vectors" / "support.npz", options.models)
    passages = all_passages(options.data)
    vectors = embed([passage.text for passage in passages.values()])
    found = {}
    for answer in answers(options.data):
        for name, claim in answer.claims.items():
            order = np.argsort(-(vectors @ embed([claim])[0]), kind="stable")[:LOOKED_AT]
            near = (list(passages)[int(place)] for place in order)
            nearest = next((one for one in near if another(claim, answer, passages[one])), None)
            if nearest is not None:
                found[name] = nearest
    embed.keep()
    NEAREST.write_text(json.dumps(dict(sorted(found.items())), indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
