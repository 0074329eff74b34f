// The example browser: one record at a time, with its references, every arm's answer, and what that arm was shown.

function startExamples() {
  const study = data("examples-data");
  const form = document.getElementById("example-choice");
  if (!study || !form) return;
  const place = document.getElementById("example");
  const status = document.getElementById("example-count");
  let found = [];
  let at = 0;
  form.hidden = false;

  const pieces = {
    // Texts are a stranger's: they become text nodes, never markup, and run in their own language's direction.
    demonstration: (task, [number, score]) => {
      const [input, target] = study.tasks[task].pool[number];
      const line = make("li", {}, make("bdi", {}, input), make("span", {"aria-hidden": "true"}, " ⇒ "), make("bdi", {}, target));
      if (score !== null) line.append(" ", make("span", {class: "tag", title: "similarity to the input"}, score.toFixed(2)));
      return line;
    },
    // The text that the model was given, but for what was cut from the left of an input that did not fit.
    row: (task, {run, shown}, input) => {
      const {row, pool} = study.tasks[task];
      const seen = row.nearest_last ? [...shown].reverse() : shown;
      const examples = seen.map(([number]) => row.example[0] + pool[number][0] + row.example[1] + pool[number][1] + row.example[2]);
      const text = [study.runs[run].before, row.start, ...examples, row.question[0], input, row.question[1]].join("");
      return make("details", {class: "row"}, make("summary", {}, "The whole row"), make("pre", {tabindex: "0", dir: "auto"}, text));
    },
    answer: (task, answer, input) => {
      const {run, text, right, stopped, shown} = answer;
      const {label, look, place: folder} = study.runs[run];
      const cell = make("dd", {}, text.trim() ? make("bdi", {}, text) : make("em", {class: "small"}, "nothing written"), " ");
      cell.append(make("span", {class: right ? "tag right" : "tag"}, right ? "✓ right" : "not right"));
      if (!stopped) cell.append(" ", make("span", {class: "tag"}, "cut at the length limit"));
      if (shown.length) {
        cell.append(make("ol", {class: "saw"}, ...shown.map((seen) => pieces.demonstration(task, seen))));
      }
      cell.append(pieces.row(task, answer, input));
      const link = make("a", {href: `#runs/${folder}`}, make("b", {}, label[0]), ` ${label[1]}`);
      return make("div", {class: look}, make("dt", {}, link), cell);
    },
  };

  function wanted(answers) {
    const arm = form.elements.arm.value;
    const right = form.elements.right.value;
    const those = answers.filter((answer) => !arm || study.runs[answer.run].kind === arm);
    if (!those.length) return false;
    if (right === "right") return those.every((answer) => answer.right);
    if (right === "wrong") return those.every((answer) => !answer.right);
    if (right === "mixed") return those.some((answer) => answer.right) && !those.every((answer) => answer.right);
    return true;
  }

  function answersOf(record) {
    const model = form.elements.model.value;
    return record.answers.filter((answer) => !model || study.runs[answer.run].model === model);
  }

  function show() {
    const task = form.elements.task.value;
    const {right: rule} = study.tasks[task];
    at = Math.max(0, Math.min(at, found.length - 1));
    const record = found[at];
    status.value = record ? `Record ${at + 1} of ${found.length}` : "No record is like this";
    form.elements.previous.disabled = !record || at === 0;
    form.elements.next.disabled = !record || at === found.length - 1;
    place.replaceChildren();
    if (!record) return;
    const references = record.references.map((reference) => make("li", {dir: "auto"}, reference));
    const several = references.length > 1 ? "References" : "Reference";
    place.append(
      make("dl", {},
        make("div", {}, make("dt", {}, "Input ", make("code", {}, record.id)), make("dd", {class: "input", dir: "auto"}, record.input)),
        make("div", {}, make("dt", {}, several), make("dd", {}, make("ul", {}, ...references))))
    );
    const answers = answersOf(record);
    const models = [...new Set(answers.map((answer) => study.runs[answer.run].model))];
    for (const model of models) {
      if (models.length > 1) place.append(make("h4", {}, model));
      const own = answers.filter((answer) => study.runs[answer.run].model === model);
      place.append(make("dl", {}, ...own.map((answer) => pieces.answer(task, answer, record.input))));
    }
    place.append(make("p", {class: "small"}, `Right: ${rule}.`));
  }

  function choose() {
    const {records} = study.tasks[form.elements.task.value];
    found = records.filter((record) => wanted(answersOf(record)));
    at = 0;
    show();
  }

  const turn = (by) => {
    at += by;
    show();
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", choose);
  form.elements.previous.addEventListener("click", () => turn(-1));
  form.elements.next.addEventListener("click", () => turn(1));
  document.getElementById("examples").addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("select, input, .scroll")) return;
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!by || at + by < 0 || at + by >= found.length) return;
    event.preventDefault();
    turn(by);
  });
  choose();
}
