"""What stands below each figure, by its name."""

BANDS = "bars and bands the interval of the mean, small dots single seeds"
BINS = "Records by how similar their demonstration's {what}, most similar first: the lower edge of each bin and its\
 number of records. Points are corpus scores of a bin, bands their intervals; bins of fewer than 10 records have none\
 and are hollow."
FRONT = "Means over seeds with their intervals. The dotted line is the front: each arm on it is better, beyond chance,\
 than every compared arm that costs less. Faint, with thin names: not on it."
CAPTIONS = {
    "scores": f"Marks are means over seeds, {BANDS} (below the mark); hollow marks are published. Bold: better than"
    " every other arm, beyond chance. Below: what needs no model.",
    "claims": "The mean effect of every part that has one over models and tasks, with its interval: green is supported,"
    " orange not supported, grey undecided. What lies right of 0 speaks for a part, left of it for 2a. Whether a claim"
    " holds everywhere is another question than its mean.",
    "size": f"Points are means over seeds, {BANDS}. Dashed lines are what has no size, such as in-context learning;"
    " hollow marks are published. A task's panels share one scale.",
    "spread": "Sample standard deviation of the score over seeds, in points: near 0 and 100 a score cannot spread.",
    "similarity": BINS.format(what="input is to theirs"),
    "similarity-count": BINS.format(what="input is to theirs"),
    "overlap": BINS.format(what="output is to their references"),
    "overlap-count": BINS.format(what="output is to their references"),
    "transfer": "Score with what was tuned on the source task (rows) before demonstrations of the target task"
    " (columns), less the score with the demonstrations alone; bold where that is significant. The diagonal, where"
    " there is one, is each task's own.",
    "data-size": f"Points are means over seeds, {BANDS}. A tick at the top marks where two curves cross, where both"
    " orders are significant.",
    "shift": "Score on the groups that are held out. Points are means over seeds, bands the interval of the mean; a"
    " line falls by what its arm loses.",
    "scale": f"Points are means over seeds, {BANDS}. The axis of parameters is logarithmic.",
    "distance": "Score less that of full tuning with the same model, with the interval of the difference; 0 is full"
    " tuning itself.",
    "ensembles": "What an ensemble (vote, mean log-likelihood, minimum Bayes risk) has over its mean member, with the"
    " interval for these members; the tick is its best member, which is chosen on the same records.",
    "cost": FRONT,
    "cost-tuning": FRONT,
    "learning": "Loss per target token on validation records while an arm is tuned, a thin line for each run; the"
    " smaller its size, the fainter its line.",
}
