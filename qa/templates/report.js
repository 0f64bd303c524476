"use strict";
(() => {
  const FIRST = 24;
  const gallery = document.getElementById("gallery");
  const details = JSON.parse(document.getElementById("tiles").textContent);
  const items = [...gallery.children].map((node, index) => ({ node, data: node.dataset, detail: details[index] }));
  const filters = document.getElementById("filters");
  const selects = [...filters.querySelectorAll("[data-filter]")];
  const ranges = [...filters.querySelectorAll("[data-range]")];
  const chips = [...filters.querySelectorAll("button[data-group]")];
  const order = filters.querySelector("[data-order]");
  const more = document.getElementById("more");
  const status = document.getElementById("shown");
  const orders = {
    worst: (a, b) => a.data.quality - b.data.quality,
    best: (a, b) => b.data.quality - a.data.quality,
    group: (a, b) => rank(a.data.group) - rank(b.data.group) || a.data.quality - b.data.quality,
    error: (a, b) => !a.data.error - !b.data.error || a.data.error.localeCompare(b.data.error) || a.data.quality - b.data.quality,
    time: (a, b) => a.data.source.localeCompare(b.data.source) || a.data.clip - b.data.clip || a.data.time - b.data.time,
  };
  const rank = (name) => chips.findIndex((chip) => chip.dataset.group === name);
  let group = "";
  let all = false;
  let matching = items;

  function matches(item) {
    return (!group || item.data.group === group) && selects.every(({ value, dataset }) =>
      !value || (dataset.filter === "scenarios" ? item.data.scenarios.split(" ") : [item.data[dataset.filter]]).includes(value)) && ranges.every(({ value, dataset }) => {
      const [low, high] = value.split(" ").map(Number);
      return !value || (item.data[dataset.range] >= low && item.data[dataset.range] < high);
    });
  }

  function update() {
    matching = items.filter(matches).sort(orders[order.value]);
    const shown = all ? matching : matching.slice(0, FIRST);
    gallery.replaceChildren(...shown.map((item) => item.node));
    status.textContent = matching.length ? `${shown.length} of ${matching.length} labels shown` : "No label matches. Widen a filter.";
    more.hidden = shown.length === matching.length;
    more.textContent = `Show all ${matching.length}`;
  }

  chips.forEach((chip) => chip.addEventListener("click", () => {
    group = chip.dataset.group;
    chips.forEach((other) => other.setAttribute("aria-pressed", String(other === chip)));
    update();
  }));
  [...selects, ...ranges, order].forEach((select) => select.addEventListener("change", update));
  filters.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => {
    const next = gallery.children.length;
    all = true;
    update();
    gallery.children[next]?.querySelector("button").focus();
  });

  document.querySelectorAll("a[data-source]").forEach((link) => link.addEventListener("click", () => {
    selects.find((select) => select.dataset.filter === "source").value = link.dataset.source;
    update();
  }));

  const lightbox = document.getElementById("lightbox");
  const picture = document.getElementById("picture");
  const views = document.getElementById("views");
  const element = (id) => document.getElementById(id);
  let position = 0;

  function pairs(list, rows) {
    list.replaceChildren(...rows.map(([name, value]) => {
      const row = document.createElement("div");
      row.append(Object.assign(document.createElement("dt"), { textContent: name }),
        Object.assign(document.createElement("dd"), { textContent: value }));
      return row;
    }));
  }

  function choose(index) {
    const button = views.children[index];
    if (!button) return;
    [...views.children].forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    const image = picture.querySelector("img");
    image.src = button.dataset.uri;
    element("heat-scale").hidden = button.textContent !== "disagreement";
    image.alt = `${button.textContent} of ${element("lightbox-title").textContent}`;
  }

  function show(index) {
    position = (index + matching.length) % matching.length;
    const { node, detail } = matching[position];
    element("lightbox-title").textContent = node.querySelector(".caption .path").textContent;
    element("position").textContent = `${position + 1} of ${matching.length}`;
    picture.replaceChildren(...[...node.querySelector(".picture").children].map((child) => child.cloneNode()));
    const overlay = picture.querySelector("img").src;
    views.replaceChildren(...[["label", overlay], ...detail.views].map(([name, uri], at) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: name.replaceAll("_", " ") });
      button.dataset.uri = uri;
      button.addEventListener("click", () => choose(at));
      return button;
    }));
    views.hidden = !detail.views.length;
    choose(0);
    pairs(element("facts"), detail.facts);
    pairs(element("signals"), detail.signals);
    element("signals-box").hidden = !detail.signals.length;
  }

  function turn(step) {
    show(position + step);
  }

  gallery.addEventListener("keydown", (event) => {
    const tiles = [...gallery.querySelectorAll("button.tile")];
    const at = tiles.indexOf(document.activeElement);
    const tops = tiles.map((tile) => tile.getBoundingClientRect().top);
    const columns = tops.filter((top) => Math.abs(top - tops[0]) < 1).length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    if (at < 0 || !step || !tiles[at + step]) return;
    event.preventDefault();
    tiles[at + step].focus();
  });
  gallery.addEventListener("click", (event) => {
    const node = event.target.closest("li");
    if (!node) return;
    show(matching.findIndex((item) => item.node === node));
    lightbox.showModal();
  });
  element("previous").addEventListener("click", () => turn(-1));
  element("next").addEventListener("click", () => turn(1));
  element("close").addEventListener("click", () => lightbox.close());
  lightbox.addEventListener("click", (event) => event.target === lightbox && lightbox.close());
  lightbox.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") turn(-1);
    else if (event.key === "ArrowRight") turn(1);
    else if (/^[1-9]$/.test(event.key)) choose(Number(event.key) - 1);
    else return;
    event.preventDefault();
  });
  lightbox.addEventListener("close", () => {
    const { node } = matching[position];
    if (!node.isConnected) {
      all = true;
      update();
    }
    node.querySelector("button").focus();
  });

  filters.hidden = false;
  update();
})();
