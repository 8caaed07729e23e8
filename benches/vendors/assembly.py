"""The share of multiply-adds among the instructions of a shader's hottest loop, in the assembly of Mesa's compilers."""

import re
from collections import defaultdict, namedtuple

# Of a compiler's text: where a block begins, what an instruction is (its name, and what follows), which instructions
# jump and to where, which of them always do, and which instructions are multiply-adds or products of matrices. `counted`
# are the instructions that take the slots that multiply-adds take; all, where an instruction is issued at a time.
Dialect = namedtuple("Dialect", "block instruction jump always multiply_add counted")
END = r"exit|s_endpgm|end|stop"
DIALECTS = {
    "radv": Dialect(
        re.compile(r"(BB\d+):"), re.compile(r"\s+([a-z]\w+)(.*)"),
        re.compile(r"s_c?branch\w* +(BB\d+)"), re.compile(r"s_branch|s_endpgm"),
        re.compile(r"v_(dual_)?(fmac?|mac|mad|fma_mix|pk_fmac?|fmaak|fmamk)_(f32|f16|legacy)|v_s?wmma|v_fma_mix"), re.compile(r"v_"),
    ),
    "nvk": Dialect(
        re.compile(r"block(?:\.u)? \d+ (L\d+)"), re.compile(r"\s*(?:@!?u?p\w+)?\s*(?:[^=/]*=\s+)?([a-z][\w.]*)([^/]*)"),
        re.compile(r"bra .*?\b(L\d+)"), re.compile(r"(?!.*@)(?!.*bra !?u?p\d)(bra|exit)"),
        re.compile(r"ffma|hfma2|[hi]mma"), None,
    ),
    "anv": Dialect(
        re.compile(r"\s*(L\d+):"), re.compile(r"\s*(?:\([^)]*\)\s*)?([a-z][\w.]*)\s*(?:\(\d+\))?(.*)"),
        re.compile(r"while\b.*?\b(L\d+)"), re.compile(r"(?!x)x"),
        re.compile(r"mad$|mac$|dpas"), None,
    ),
    "turnip": Dialect(
        re.compile(r"(l\d+):"), re.compile(r"((?:\(\w+\))*)([a-z][\w.]*)(.*)"),
        re.compile(r"(?:br|jump|bany|ball|brao|braa|brac)\w*\b.*#(l\d+)"), re.compile(r"jump|end"),
        re.compile(r"mad\.f"), None,
    ),
    "honeykrisp": Dialect(
        re.compile(r"(\d+):$"), re.compile(r"([a-z]\w*)(.*)"),
        re.compile(r"jmp_\w+ +to (\d+)"), re.compile(r"stop"),
        re.compile(r"ffma|fmadd|hfma"), None,
    ),
}


def honeykrisp_code(text):
    """The instructions of the longest program in what the driver prints, a label before each that is jumped to."""
    programs = [[]]
    for address, name, rest in re.findall(r"^ *([0-9a-f]+): [0-9a-f]+ +([a-z]\w*)(.*)", text, re.M):
        address = int(address, 16)
        if address == 0:
            programs.append([])
        if name.startswith("jmp"):
            rest = f" to {address + int(rest)}"
        programs[-1].append((address, name + rest))
    longest = max(programs, key=len)
    targets = {int(line.split(" to ")[1]) for _, line in longest if line.startswith("jmp")}
    return "\n".join((f"{address}:\n" if address in targets else "") + line for address, line in longest)


def instructions(dialect, text):
    """Blocks of (name, how often it is issued), and of each the label, the jumps' targets and whether it ends for good."""
    d = DIALECTS[dialect]
    text = honeykrisp_code(text) if dialect == "honeykrisp" else text
    blocks, labels, jumps, ended = [[]], {}, defaultdict(list), set()

    def open_block():
        if blocks[-1] or len(blocks) - 1 in ended:
            blocks.append([])

    for line in text.splitlines():
        label = d.block.match(line)
        if label:
            open_block()
            labels[label[1]] = len(blocks) - 1
            continue
        line = line.split(";")[0] if dialect in ("radv", "turnip") else line.split("//")[0]
        match = d.instruction.match(line)
        if not match or line.startswith("}"):
            continue
        if dialect == "turnip":
            modifiers, name, rest = match.groups()
            times = 1 + sum(int(n) for n in re.findall(r"\((?:rpt|nop)(\d+)\)", modifiers))
            # A repeated instruction is issued so often; what is a delay takes slots that nothing uses.
            repeats = 1 + sum(int(n) for n in re.findall(r"\(rpt(\d+)\)", modifiers))
            blocks[-1].append((name, repeats))
            if times > repeats:
                blocks[-1].append(("nop", times - repeats))
        else:
            name, rest = match.groups()
            blocks[-1].append((name, 1))
            # Two in one instruction.
            blocks[-1] += [(second, 1) for second in re.findall(r"::\s*([a-z]\w+)", rest)] if dialect == "radv" else []
        jump = d.jump.match((name + " " + rest).replace("  ", " ")) if dialect != "nvk" else d.jump.match((name + rest))
        if jump:
            jumps[len(blocks) - 1].append(jump[1])
        if d.always.match(line.strip() if dialect == "nvk" else name):
            ended.add(len(blocks) - 1)
        if jump or re.fullmatch(END, name):
            blocks.append([])
    return blocks, labels, jumps, ended


def loops(dialect, text):
    """The instructions of each natural loop, those around others included."""
    blocks, labels, jumps, ended = instructions(dialect, text)
    goes = []
    for number in range(len(blocks)):
        to = [labels[target] for target in jumps[number] if target in labels]
        goes.append(to + ([number + 1] if number not in ended and number + 1 < len(blocks) else []))
    comes = defaultdict(set)
    for number, to in enumerate(goes):
        for target in to:
            comes[target].add(number)
    found = {}
    for end, to in enumerate(goes):
        for head in to:
            if head <= end:
                inside, waiting = found.setdefault(head, {head}), [end]
                while waiting:
                    block = waiting.pop()
                    if block not in inside and block >= head:
                        inside.add(block)
                        waiting += comes[block]
    return [(members, [one for block in sorted(members) for one in blocks[block]]) for members in found.values()]


def multiply_add_share(dialect, text):
    """Of the innermost loop that holds nearly all the multiply-adds that any loop holds: their share among its
    instructions, and how many these are. None if no loop holds any."""
    d = DIALECTS[dialect]

    def useful(body):
        return sum(times for name, times in body if d.multiply_add.match(name))

    candidates = [(members, body) for members, body in loops(dialect, text) if useful(body)]
    if not candidates:
        return None
    most = max(useful(body) for _, body in candidates)
    _, body = min((loop for loop in candidates if useful(loop[1]) >= 0.9 * most), key=lambda loop: len(loop[1]))
    slots = sum(times for name, times in body if not d.counted or d.counted.match(name))
    return useful(body) / slots, slots
