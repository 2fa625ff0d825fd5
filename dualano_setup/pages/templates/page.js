"use strict";
(() => {
  const words = { loss: ["loss ", ""], lr: ["lr ", ""], grad_norm: ["grad norm ", ""], seconds: ["", " s"], gpu_memory_gib: ["", " GiB"] };
  const told = (value) => (typeof value === "number" ? Number(value.toPrecision(5)).toString() : value);
  function curve() {
    const block = document.getElementById("metrics");
    const svg = document.getElementById("curve");
    const slider = document.getElementById("step");
    const output = document.getElementById("told");
    if (!block || !svg || !slider || !output) return;
    const data = JSON.parse(block.textContent);
    const cursor = svg.querySelector(".cursor");
    const show = (index, seen) => {
      const parts = [];
      for (const [name, [before, after]] of Object.entries(words)) {
        const value = (data[name] || [])[index];
        if (value !== null && value !== undefined) parts.push(before + told(value) + after);
      }
      output.textContent = data.step[index] + ": " + parts.join(" · ");
      slider.value = String(index);
      slider.setAttribute("aria-valuetext", output.textContent);
      const x = (100 * data.step[index]) / data.last + "%";
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      cursor.setAttribute("visibility", seen ? "visible" : "hidden");
      if (seen) cursor.classList.add("on");
    };
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const wanted = ((event.clientX - box.left) / box.width) * data.last;
      let low = 0, high = data.step.length - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (data.step[middle] < wanted) low = middle + 1; else high = middle;
      }
      show(low, true);
    });
    slider.addEventListener("input", () => show(Number(slider.value), true));
    show(data.step.length - 1, false);
  }
  document.addEventListener("dualano:new", curve);
  curve();
})();
