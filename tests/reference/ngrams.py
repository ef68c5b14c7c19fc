"""N-gram models from their formulas, with dictionaries and one n-gram at a time."""

from collections import defaultdict


def _counts(tokens, order):
    """{context: {token: count}} of one order; -1 is a border."""
    found = defaultdict(lambda: defaultdict(int))
    for t in range(len(tokens) - order + 1):
        gram = tuple(int(x) for x in tokens[t : t + order])
        if -1 not in gram:
            found[gram[:-1]][gram[-1]] += 1
    return found


def _seen(window):
    """The tokens behind the last border."""
    tail = []
    for token in reversed([int(x) for x in window]):
        if token < 0:
            break
        tail.insert(0, token)
    return tail


def laplace(tokens, vocabulary, window, e):
    """(n(h, x) + e P(x|shorter h)) / (n(h) + e), from the shortest context on."""
    tail, value = _seen(window), 1 / vocabulary
    for n in range(1, len(tail) + 1):
        after = _counts(tokens, n)[tuple(tail[-n:-1])]
        total = sum(after.values())
        if total + e[n - 1] > 0:
            value = (after[tail[-1]] + e[n - 1] * value) / (total + e[n - 1])
    return value


def kneser_ney(tokens, vocabulary, order, window, discounts):
    """The recursion of Chen and Goodman; `discounts` of each order for counts of 1, 2, and 3 or more."""
    tail, value = _seen(window), 1 / vocabulary
    for n in range(1, len(tail) + 1):
        if n == order:
            after = dict(_counts(tokens, n)[tuple(tail[-n:-1])])
        else:
            before = defaultdict(set)
            for context, nexts in _counts(tokens, n + 1).items():
                for token in nexts:
                    before[(*context[1:], token)].add(context[0])
            after = {gram[-1]: len(left) for gram, left in before.items() if gram[:-1] == tuple(tail[-n:-1])}
        total = sum(after.values())
        if not total:
            continue
        taken = {token: min(discounts[n - 1][min(count, 3) - 1], count) for token, count in after.items()}
        own = (after[tail[-1]] - taken[tail[-1]]) / total if tail[-1] in after else 0.0
        value = own + sum(taken.values()) / total * value
    return value
