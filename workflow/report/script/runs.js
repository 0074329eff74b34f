// The list of runs: a row each, and on request what the run scored, took and was made with. `#runs/<folder>` shows the
// runs below a folder, and the details of a single one.

function startRuns() {
  const study = data("runs-data");
  const table = document.getElementById("runs-table");
  if (!study || !table) return;
  const spread = new Map(); // run -> its row of details

  const words = (value) => (value === null || value === undefined ? "–" : String(value));

  const known = (names, values) => names.map((name, place) => [name, values[place]]).filter(([, value]) => value !== null);

  function facts(pairs) {
    const list = make("dl", {class: "facts"});
    for (const [name, value] of pairs) list.append(make("dt", {}, name), make("dd", {}, words(value)));
    return list;
  }

  // Settings as indented lines, `key: value`.
  function lines(value, depth = 0) {
    const indent = "  ".repeat(depth);
    return Object.entries(value).flatMap(([key, inner]) =>
      inner !== null && typeof inner === "object" && !Array.isArray(inner)
        ? [`${indent}${key}:`, ...lines(inner, depth + 1)]
        : [`${indent}${key}: ${JSON.stringify(inner)}`]
    );
  }

  function details(run) {
    const cell = make("td", {colspan: table.tHead.rows[0].cells.length});
    const folder = `runs/${run.place}`;
    const links = study.files[run.files].map((name) => make("li", {}, make("a", {href: `${folder}/${name}`}, name)));
    cell.append(
      make("div", {class: "detail"},
        make("div", {}, make("h4", {}, "Scores"), facts(run.scores)),
        make("div", {}, make("h4", {}, "Cost"), facts(known(study.costs, run.costs))),
        make("div", {}, make("h4", {}, "Made with"), facts(Object.entries(study.origins[run.origin]))),
        make("div", {}, make("h4", {}, "Files"), make("ul", {}, ...links)),
        run.prompt ? make("div", {class: "wide"}, make("h4", {}, "Prompt"), facts(known(study.prompt, run.prompt))) : "",
        make("div", {class: "wide"}, make("h4", {}, "Settings"),
          make("pre", {tabindex: "0", "aria-label": "Settings"}, lines(study.settings[run.settings]).join("\n"))))
    );
    return make("tr", {class: "details"}, cell);
  }

  function element(run) {
    const [model, task, , , seed] = run.path;
    const button = make("button", {type: "button", class: "open", "aria-expanded": String(spread.has(run))}, "Details");
    const row = make("tr", {class: run.look},
      make("th", {scope: "row", class: "arm"}, make("b", {}, run.label[0]), ` ${run.label[1]}`),
      make("td", {class: "text"}, model),
      make("td", {class: "text"}, task),
      make("td", {}, seed),
      make("td", {}, run.done ? run.scores[0][1]?.toFixed(2) ?? "–" : make("span", {class: "short"}, "missing")),
      make("td", {}, run.done ? button : ""));
    button.addEventListener("click", () => {
      if (spread.has(run)) {
        spread.get(run).remove();
        spread.delete(run);
      } else {
        spread.set(run, details(run));
        row.after(spread.get(run));
      }
      button.setAttribute("aria-expanded", String(spread.has(run)));
    });
    return spread.has(run) ? [row, spread.get(run)] : [row];
  }

  const runs = study.rows.map(([model, task, arm, variant, seed, done, scores, costs, settings, origin, files, prompt]) => {
    const [path, label] = [study.variants[variant], study.labels[arm][variant]];
    const run = {
      path: [study.models[model], study.tasks[task].label, arm, path, seed],
      place: `${study.models[model]}/${study.tasks[task].name}/${study.arms[arm].name}/${path}/seed-${seed}`,
      model: study.models[model],
      task: study.tasks[task].name,
      label: [study.arms[arm].label, label],
      look: study.arms[arm].look,
      done, costs, settings, origin, files, prompt,
      scores: done ? study.tasks[task].metrics.map((name, place) => [name, scores[place]]) : [],
    };
    run.text = `${run.place} ${run.label.join(" ")} ${run.path[1]} ${done ? "" : "missing"}`.toLowerCase();
    run.values = [run.label.join(" "), run.path[0], run.path[1], seed, done ? scores[0] : null, null];
    run.element = () => element(run);
    return run;
  });
  const shown = new SortedTable(table, runs);
  TABLES.push(shown);

  const all = make("button", {type: "button", class: "more"}, "Show all runs");
  all.hidden = true;
  all.addEventListener("click", () => {
    history.replaceState(null, "", "#runs");
    follow();
  });
  document.getElementById("runs-where").after(all);

  // Show what the address names: the runs of a folder.
  function follow() {
    const address = decodeURIComponent(location.hash);
    const folder = address.startsWith("#runs/") ? address.slice("#runs/".length) : "";
    shown.only = folder ? (run) => run.place === folder || run.place.startsWith(`${folder}/`) : null;
    all.hidden = !folder;
    document.getElementById("runs-where").textContent = folder ? `Runs in ${folder}:` : "";
    if (folder) {
      const those = runs.filter(shown.only);
      if (those.length === 1 && those[0].done && !spread.has(those[0])) spread.set(those[0], details(those[0]));
    }
    if (folder && shown.input) shown.input.value = "";
    shown.show();
    if (folder) {
      document.getElementById("runs").scrollIntoView({behavior: "instant"});
      table.closest(".scroll").focus({preventScroll: true});
    }
  }
  addEventListener("hashchange", follow);
  follow();
}
