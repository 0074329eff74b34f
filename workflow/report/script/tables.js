// Tables that sort and filter. A table is `<table data-sorted>`, its rows are in the page or, where there may be
// thousands, given as `rows`: then only those that are shown become elements. Of a long table the first are shown.

const STEP = 30; // rows of a long table that are shown at first, and added by "show more"
const COLLATOR = new Intl.Collator("en", {numeric: true, sensitivity: "base"});

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function data(id) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : null;
}

// What a cell is sorted by: its `data-value` (empty: unknown), else a number at its beginning, else its text.
function sortValue(cell) {
  if (!cell) return null;
  const said = cell.dataset.value ?? cell.textContent.trim();
  if (said === "" || said === "–") return null;
  const number = Number(said);
  return Number.isNaN(number) ? said : number;
}

function compare(one, other, direction) {
  if (one === null || other === null) return (one === null) - (other === null); // unknown values stay last
  const order = typeof one === "number" && typeof other === "number" ? one - other : COLLATOR.compare(one, other);
  return direction * order;
}

// A row that is in the page; what it is sorted and filtered by is read when that is first asked.
class Row {
  constructor(row, name) {
    Object.assign(this, {row, name, model: row.dataset.model, task: row.dataset.task});
  }
  get text() {
    return (this.said ??= this.name + this.row.textContent.toLowerCase());
  }
  get values() {
    return (this.sorted ??= [...this.row.cells].map(sortValue));
  }
  element() {
    return [this.row];
  }
}

class SortedTable {
  // rows (optional): objects with text (lower case, searched), values (one per column), element() and key
  constructor(table, rows = null) {
    this.table = table;
    this.lazy = rows !== null;
    this.limit = STEP;
    this.sorted = null; // column and direction
    this.only = null; // a condition on rows besides the filter
    this.groups = this.lazy ? [{body: table.tBodies[0], head: null, rows}] : this.read();
    this.total = this.groups.reduce((sum, group) => sum + group.rows.length, 0);
    this.headers = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    this.headers.forEach((header, column) => this.button(header, column));
    this.long = this.groups.length === 1 && this.total > 1.5 * STEP;
    this.bar();
    if (this.lazy || this.long) this.show();
    else this.count.value = `${this.total} rows`;
  }

  // Every body is a group, sorted by itself; a row with one heading cell names it.
  read() {
    return [...this.table.tBodies].map((body) => {
      const rows = [...body.rows];
      const head = rows[0]?.querySelector("th[scope=rowgroup]") ? rows.shift() : null;
      const name = head ? head.textContent.toLowerCase() + " " : "";
      return {
        body,
        head,
        rows: rows.map((row) => new Row(row, name)),
      };
    });
  }

  button(header, column) {
    if (header.dataset.fixed !== undefined) return;
    const button = make("button", {type: "button", class: "sort"});
    button.append(...header.childNodes);
    header.append(button);
    header.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const before = this.sorted?.column === column ? this.sorted.direction : 0;
      const first = header.classList.contains("number") ? -1 : 1; // numbers: the largest first
      const direction = before === 0 ? first : before === first ? -first : 0;
      this.sorted = direction ? {column, direction} : null;
      this.headers.forEach((other) => other.hasAttribute("aria-sort") && other.setAttribute("aria-sort", "none"));
      if (direction) header.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      this.show();
    });
  }

  bar() {
    const box = this.table.closest(".scroll");
    this.count = make("output", {class: "count", "aria-live": "polite"});
    if (this.total > 7) {
      const caption = this.table.caption?.dataset.name ?? "rows";
      this.input = make("input", {type: "search", autocomplete: "off", spellcheck: "false", placeholder: "words or numbers"});
      this.input.addEventListener("input", () => {
        this.limit = STEP;
        this.show();
      });
      const save = make("button", {type: "button", class: "save", title: "the rows that are shown or would be"}, "CSV");
      save.addEventListener("click", () => this.save());
      box.before(make("div", {class: "bar"}, make("label", {}, `Filter ${caption} `, this.input), this.count, save));
    }
    if (!this.long) return;
    this.more = make("button", {type: "button", class: "more"});
    this.more.addEventListener("click", () => {
      this.limit += STEP;
      this.show();
    });
    box.after(this.more);
  }

  matching(rows) {
    const words = (this.input?.value ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    return rows.filter(
      (row) =>
        (!this.only || this.only(row)) &&
        (!CHOICE.model || !row.model || row.model === CHOICE.model) &&
        (!CHOICE.task || !row.task || row.task === CHOICE.task) &&
        words.every((word) => row.text.includes(word))
    );
  }

  // The rows that the filter leaves, in the order that was asked for.
  chosen(rows) {
    const found = this.matching(rows);
    if (this.sorted) {
      const {column, direction} = this.sorted;
      found.sort((one, other) => compare(one.values[column] ?? null, other.values[column] ?? null, direction));
    }
    return found;
  }

  // The chosen rows as a file: exact numbers, and in front the group that a row stands in, where there are groups.
  csv() {
    const grouped = this.groups.some((group) => group.head);
    const quote = (value) => `"${String(value ?? "").replace(/\s+/g, " ").trim().replaceAll('"', '""')}"`;
    const title = (header) => [...(header.querySelector(".sort") ?? header).childNodes].map((node) => node.textContent).join(" ");
    const lines = [[...(grouped ? ["group"] : []), ...this.headers.map(title)]];
    for (const {head, rows} of this.groups) {
      for (const row of this.chosen(rows)) lines.push([...(grouped ? [head?.textContent] : []), ...row.values]);
    }
    return lines.map((line) => line.map(quote).join(",") + "\n").join("");
  }

  save() {
    const address = URL.createObjectURL(new Blob([this.csv()], {type: "text/csv"}));
    make("a", {href: address, download: `${this.table.id}.csv`}).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }

  show() {
    let shown = 0;
    for (const {body, head, rows} of this.groups) {
      const found = this.chosen(rows);
      shown += found.length;
      const visible = this.long ? found.slice(0, this.limit) : found;
      body.replaceChildren(...(head && found.length ? [head] : []), ...visible.flatMap((row) => row.element()));
      if (!this.more) continue;
      this.more.hidden = visible.length === found.length;
      this.more.textContent = `Show ${Math.min(STEP, found.length - visible.length)} more of ${found.length}`;
    }
    this.count.value = shown === this.total ? `${this.total} rows` : `${shown} of ${this.total} rows`;
  }
}

const TABLES = [];

function startTables() {
  for (const table of document.querySelectorAll("table[data-sorted]")) TABLES.push(new SortedTable(table));
}
