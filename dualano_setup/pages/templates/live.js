"use strict";
(() => {
  const main = document.querySelector("main[data-live]");
  if (!main) return;
  const sign = document.getElementById("link");
  const made = document.getElementById("made");
  const pause = 2000;
  async function ask() {
    const have = Array.from(main.querySelectorAll("section[data-key]"), (one) => one.id.slice(5) + "-" + one.dataset.key);
    try {
      const answer = await fetch(main.dataset.live + "?have=" + encodeURIComponent(have.join(",")), { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const news = await answer.json();
      for (const [name, part] of Object.entries(news.sections)) {
        const section = document.getElementById("part-" + name);
        if (!section) continue;
        const masks = section.querySelector("#show-masks")?.checked;
        const focus = document.activeElement && section.contains(document.activeElement) ? document.activeElement.id : "";
        section.innerHTML = part.html;
        section.dataset.key = part.key;
        if (masks === false) section.querySelector("#show-masks").checked = false;
        if (name === "curve") document.dispatchEvent(new Event("dualano:new"));
        if (focus) document.getElementById(focus)?.focus();
      }
      made.textContent = news.made;
      sign.textContent = main.dataset.fine;
      sign.className = "";
    } catch {
      sign.textContent = main.dataset.lost;
      sign.className = "lost";
    }
    setTimeout(ask, pause);
  }
  setTimeout(ask, pause);
})();
