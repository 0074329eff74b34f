// Figures become interactive when they are asked to: by their button, or when a mouse comes over them. Until then, on
// paper and without scripts, they are the drawings that the page came with.

let vega = null; // resolves when the library is there

function library() {
  vega ??= new Promise((resolve) => {
    document.body.append(make("script", {}, document.getElementById("vega").textContent));
    resolve(window.vegaEmbed);
  });
  return vega;
}

async function interact(panel) {
  if (panel.dataset.state) return;
  panel.dataset.state = "loading";
  const embed = await library();
  const specs = data(panel.closest("figure").dataset.specs);
  const place = make("div", {class: "drawing"});
  const options = {
    renderer: "svg",
    actions: false,
    ast: true, // expressions are interpreted: the page forbids making code from text
    tooltip: {theme: "page", disableDefaultStyle: true},
  };
  try {
    await embed(place, specs[Number(panel.dataset.panel)], options);
  } catch (error) {
    panel.dataset.state = "failed"; // the drawing stays
    throw error;
  }
  const drawn = panel.querySelector("img");
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", drawn.alt);
  drawn.replaceWith(place);
  panel.dataset.state = "interactive";
}

function startFigures() {
  for (const figure of document.querySelectorAll("figure[data-specs]")) {
    const panels = [...figure.querySelectorAll("[data-panel]")];
    const button = make("button", {type: "button", class: "explore"}, "Make interactive");
    figure.querySelector(".tools").prepend(button);
    button.addEventListener("click", async () => {
      button.disabled = true;
      for (const panel of panels) {
        await interact(panel);
        await new Promise((resolve) => setTimeout(resolve)); // the page stays responsive between panels
      }
      button.textContent = "Interactive: point at a mark for its values";
    });
    for (const panel of panels) {
      panel.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && interact(panel));
    }
  }
}
