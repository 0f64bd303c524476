"use strict";
(() => {
  const element = (id) => document.getElementById(id);
  const { names, bursts, frames } = JSON.parse(element("player-data").textContent);
  const player = element("player");
  const canvas = element("screen");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const work = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
  const workContext = work.getContext("2d", { willReadFrequently: true });
  const slider = element("frame");
  const divider = element("divider");
  const play = element("play");
  const sides = [element("left"), element("right")];
  const decoded = new Map();
  let timer = 0;
  let drawing = 0;

  async function pixels(uri) {
    const image = new Image();
    image.src = uri;
    await image.decode();
    workContext.drawImage(image, 0, 0, work.width, work.height);
    return workContext.getImageData(0, 0, work.width, work.height);
  }

  // The person in colour, the rest dark and grey; "frame" is the picture as it is.
  async function cutOut(index, name) {
    const key = `${index} ${name}`;
    if (decoded.has(key)) return decoded.get(key);
    const { pictures } = frames[index];
    const result = await pixels(pictures.frame);
    if (name !== "frame") {
      const alpha = pictures[name] ? (await pixels(pictures[name])).data : null;
      const data = result.data;
      for (let at = 0; at < data.length; at += 4) {
        const share = alpha ? alpha[at] / 255 : 0;
        const grey = (0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]) * 0.4 * (1 - share);
        for (let channel = at; channel < at + 3; channel += 1) data[channel] = data[channel] * share + grey;
      }
    }
    if (decoded.size > 64) decoded.delete(decoded.keys().next().value);
    decoded.set(key, result);
    return result;
  }

  function caption(frame, name) {
    const iou = frame.iou[name];
    return names[name] + (iou === undefined ? "" : ` · IoU ${iou.toFixed(3)}`);
  }

  async function draw() {
    const mine = ++drawing;
    const index = Number(slider.value);
    const frame = frames[index];
    const [left, right] = await Promise.all(sides.map((side) => cutOut(index, side.value)));
    if (mine !== drawing) return;
    const split = Math.round((canvas.width * divider.value) / 100);
    context.putImageData(left, 0, 0, 0, 0, split, canvas.height);
    context.putImageData(right, 0, 0, split, 0, canvas.width - split, canvas.height);
    element("divider-line").style.left = `${divider.value}%`;
    const captions = sides.map((side) => caption(frame, side.value));
    element("left-name").textContent = captions[0];
    element("right-name").textContent = captions[1];
    canvas.setAttribute("aria-label", `Frame ${index + 1}: left ${captions[0]}, right ${captions[1]}`);
    slider.setAttribute("aria-valuetext", `frame ${index + 1} of ${frames.length}`);
    element("moment").textContent = `Frame ${index + 1} of ${frames.length} · ${frame.seconds.toFixed(2)} s · ${bursts[frame.burst]}`;
    player.dataset.drawn = String(index);
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
    element("moment").setAttribute("role", "status");
  }

  function start() {
    play.textContent = "Pause";
    element("moment").removeAttribute("role"); // nobody wants every frame read out
    timer = setInterval(() => step(1), 1000 / element("speed").value);
  }

  function toggle() {
    if (timer) stop();
    else start();
  }

  function step(by) {
    slider.value = (Number(slider.value) + by + frames.length) % frames.length;
    draw();
  }

  function moveDivider(to) {
    divider.value = to;
    draw();
  }

  const drag = (event) => moveDivider((100 * (event.clientX - canvas.getBoundingClientRect().left)) / canvas.clientWidth);
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    drag(event);
  });
  canvas.addEventListener("pointermove", (event) => event.buttons && drag(event));
  play.addEventListener("click", toggle);
  [slider, divider, ...sides].forEach((control) => control.addEventListener("input", draw));
  element("speed").addEventListener("change", () => timer && (stop(), start()));
  element("worst").addEventListener("click", (event) => {
    stop();
    slider.value = event.currentTarget.dataset.frame;
    draw();
  });
  player.addEventListener("keydown", (event) => {
    if (event.target !== player) return;
    if (event.key === " ") toggle();
    else if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === "ArrowUp") moveDivider(Number(divider.value) + 5);
    else if (event.key === "ArrowDown") moveDivider(Number(divider.value) - 5);
    else return;
    event.preventDefault();
  });

  player.hidden = false;
  draw();
})();
