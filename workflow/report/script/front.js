// Two columns of the costs against each other, as the reader chooses, with the front: the arms that no other one of the
// same model and task is at least as good as in both. It goes by means, and knows no chance.

function frontOf(points) {
  const beaten = (point, other) =>
    other !== point &&
    other.gx >= point.gx &&
    other.gy >= point.gy &&
    (other.gx > point.gx || other.gy > point.gy);
  return points.filter((point) => !points.some((other) => beaten(point, other)));
}

// Numbers over several orders of magnitude on a logarithmic scale, also with some at zero.
function scaleOf(numbers) {
  const positive = numbers.filter((number) => number > 0);
  const wide = positive.length && Math.max(...positive) > 20 * Math.min(...positive);
  if (!wide || numbers.some((number) => number < 0)) return {type: "linear", zero: false, nice: true};
  if (positive.length === numbers.length) return {type: "log", nice: true};
  return {type: "symlog", constant: Math.min(...positive), nice: true};
}

const PANEL = 330; // pixels that a panel takes with its axes

function frontSpec(study, across, up, width) {
  const [x, y] = [study.columns[across], study.columns[up]];
  const sign = (column, point) => (column.name === "mean" && point.turned ? -column.better : column.better);
  const points = study.points
    .filter((point) => point.values[across] !== null && point.values[up] !== null)
    .filter((point) => (!CHOICE.model || point.model === CHOICE.model) && (!CHOICE.task || point.task === CHOICE.task))
    .map((point) => {
      const [a, b] = [point.values[across], point.values[up]];
      return {...point, values: undefined, x: a, y: b, gx: a * sign(x, point), gy: b * sign(y, point)};
    });
  const panels = Map.groupBy(points, (point) => point.panel);
  for (const own of panels.values()) {
    const front = frontOf(own);
    for (const point of own) point.front = front.includes(point);
  }
  const axis = (field, column, numbers) => ({
    field,
    type: "quantitative",
    scale: scaleOf(numbers),
    axis: {title: column.title, tickCount: 4, format: "~s", labelOverlap: true, grid: false},
  });
  const place = {
    x: axis("x", x, points.map((point) => point.x)),
    y: axis("y", y, points.map((point) => point.y)),
  };
  const inked = {field: "colour", type: "nominal", scale: null};
  const only = [{filter: "datum.front"}];
  const tooltip = [
    {field: "arm", type: "nominal"},
    {field: "x", type: "quantitative", title: x.title, format: ",.4~g"},
    {field: "y", type: "quantitative", title: y.title, format: ",.4~g"},
  ];
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    config: study.config,
    data: {values: points},
    facet: {field: "panel", type: "nominal", title: null, sort: [...panels.keys()], header: {labelAnchor: "start"}},
    columns: Math.max(1, Math.floor(width / PANEL)),
    resolve: {scale: {x: "independent", y: "independent"}},
    spec: {
      width: 240,
      height: 190,
      layer: [
        {transform: only, mark: {type: "line", strokeDash: [2, 2], strokeWidth: 1.2, color: "#5a6472"}, encoding: place},
        {
          mark: {type: "point", filled: true, size: 70, opacity: 1},
          encoding: {
            ...place,
            color: inked,
            shape: {field: "shape", type: "nominal", scale: null},
            fillOpacity: {condition: {test: "datum.front", value: 1}, value: 0.4},
            tooltip,
          },
        },
        {
          transform: only,
          mark: {type: "text", align: "left", dx: 7, dy: -7, fontSize: 11, fontWeight: 600},
          encoding: {...place, color: inked, text: {field: "short", type: "nominal"}},
        },
      ],
    },
  };
}

function startFront() {
  const study = data("front-data");
  const form = document.getElementById("front-choice");
  if (!study || !form) return;
  const place = document.getElementById("front-drawing");
  const words = document.getElementById("front-words");
  const details = form.closest("details");
  let wanted = 0; // a drawing that is late is not shown
  form.hidden = false;
  for (const [name, first] of [["x", "tokens_per_prediction"], ["y", "mean"]]) {
    study.columns.forEach((column, number) => {
      form.elements[name].append(make("option", {value: number, selected: column.name === first}, column.title));
    });
  }

  async function draw() {
    const own = ++wanted;
    const spec = frontSpec(study, Number(form.elements.x.value), Number(form.elements.y.value), place.clientWidth);
    const points = spec.data.values;
    const front = points.filter((point) => point.front).map((point) => `${point.arm} (${point.panel})`);
    words.textContent = points.length
      ? `On the front, which no other arm is at least as good as in both: ${front.join("; ")}.`
      : "No arm has both numbers.";
    const drawing = make("div", {class: "drawing"});
    if (points.length) {
      const embed = await library();
      const options = {renderer: "svg", actions: false, ast: true, tooltip: {theme: "page", disableDefaultStyle: true}};
      await embed(drawing, spec, options);
      drawing.setAttribute("role", "img");
      drawing.setAttribute("aria-label", words.textContent);
    }
    if (own === wanted) place.replaceChildren(drawing);
  }

  const ifOpen = () => details.open && draw();
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", draw);
  details.addEventListener("toggle", ifOpen);
  document.getElementById("choice")?.addEventListener("change", () => setTimeout(ifOpen));
}
