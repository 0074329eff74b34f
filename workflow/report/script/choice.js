// One model or task of the study alone: the two lists at the head of the page, which all figures and tables follow.

const CHOICE = {model: "", task: ""};

function startChoice() {
  const form = document.getElementById("choice");
  if (!form) return;
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => {
    for (const name of ["model", "task"]) CHOICE[name] = form.elements[name]?.value ?? "";
    for (const element of document.querySelectorAll("[data-chosen]")) {
      const {model, task} = element.dataset;
      element.hidden = Boolean(
        (CHOICE.model && model && model !== CHOICE.model) || (CHOICE.task && task && task !== CHOICE.task)
      );
    }
    TABLES.forEach((table) => table.show());
  });
}
