// The button on a website, and the frame in which the chat opens. Nothing is kept on the page, and it learns nothing.
(() => {
  const me = document.currentScript;
  if (!me || window.centralino) return;
  const hub = new URL(me.src).origin;
  const given = me.dataset;
  const all = WORDS;
  const language = all[given.language] ? given.language : all[document.documentElement.lang.slice(0, 2)] ? document.documentElement.lang.slice(0, 2) : "en";
  const words = all[language];
  const accent = /^#[0-9a-f]{6}$/i.test(given.accent ?? "") ? given.accent : "";
  const left = given.position === "left";
  let frame = null;
  let ready = false;
  let waiting = [];

  const host = document.createElement("aside");
  host.setAttribute("aria-label", words.title);
  const root = host.attachShadow({ mode: "open" });
  const look = new CSSStyleSheet();
  const side = left ? "left" : "right";
  look.replaceSync(`
    :host { all: initial; }
    button { position: fixed; bottom: 16px; ${side}: 16px; z-index: 2147483000; display: flex; align-items: center; gap: 8px; min-height: 48px;
      padding: 0 18px; border: 0; border-radius: 24px; background: ${accent || "#00626f"}; color: ${accent && bright(accent) ? "#111" : "#fff"};
      font: 600 15px/1 system-ui, sans-serif; cursor: pointer; box-shadow: 0 4px 16px rgb(0 0 0 / .25); }
    button:focus-visible { outline: 3px solid ${accent && bright(accent) ? "#111" : "#fff"}; outline-offset: -6px; }
    button svg { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.8; }
    b { min-width: 20px; padding: 3px 5px; border-radius: 10px; background: #fff; color: #111; font-size: 12px; text-align: center; }
    [hidden] { display: none !important; }
    iframe { position: fixed; bottom: 76px; ${side}: 16px; z-index: 2147483000; width: 384px; height: min(600px, calc(100dvh - 92px));
      border: 0; border-radius: 10px; box-shadow: 0 8px 28px rgb(0 0 0 / .3); background: Canvas; }
    @media (max-width: 480px), (max-height: 420px) { iframe { inset: 0; width: 100%; height: 100dvh; border-radius: 0; } button[aria-expanded=true] { display: none; } }
    @media print { :host { display: none; } }`);
  root.adoptedStyleSheets = [look];
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  const icon = root.appendChild(button).appendChild(document.createElementNS("http://www.w3.org/2000/svg", "svg"));
  icon.setAttribute("viewBox", "0 0 24 24");
  icon.setAttribute("aria-hidden", "true");
  icon.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path")).setAttribute("d", "M4 5h16v11H9l-5 4z");
  const label = button.appendChild(document.createElement("span"));
  const count = button.appendChild(document.createElement("b"));
  count.hidden = true;
  label.textContent = words.open;

  // Is dark text the one to read on this ground?
  function bright(colour) {
    const [r, g, b] = [1, 3, 5].map((at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18;
  }

  const tell = (what) => (ready ? frame.contentWindow.postMessage(what, hub) : waiting.push(what));

  function load() {
    if (frame) return;
    frame = document.createElement("iframe");
    const about = new URLSearchParams({ site: given.site || "default", language, accent, theme: given.theme ?? "" });
    frame.src = `${hub}/chat/frame?${about}`;
    frame.title = words.title;
    frame.hidden = true;
    frame.addEventListener("load", () => {
      ready = true;
      frame.contentWindow.postMessage({ centralino: "hello" }, hub);
      waiting.splice(0).forEach(tell);
    });
    root.insertBefore(frame, button);
  }

  function open() {
    load();
    frame.hidden = false;
    button.setAttribute("aria-expanded", "true");
    label.textContent = words.close;
    count.hidden = true;
    frame.focus();
    tell({ centralino: "open" });
  }

  function close() {
    if (!frame || frame.hidden) return;
    frame.hidden = true;
    button.setAttribute("aria-expanded", "false");
    label.textContent = words.open;
    tell({ centralino: "close" });
    button.focus();
  }

  button.addEventListener("click", () => (frame && !frame.hidden ? close() : open()));
  addEventListener("keydown", (event) => event.key === "Escape" && close());
  addEventListener("message", (event) => {
    if (event.origin !== hub || !frame || event.source !== frame.contentWindow) return;
    if (event.data?.centralino === "close") close();
    if (event.data?.centralino === "unread" && frame.hidden) {
      const n = Math.max(0, Math.min(99, Number(event.data.n) || 0));
      count.hidden = !n;
      count.textContent = n;
      button.setAttribute("aria-label", n ? words.unread.replace("{n}", n) : words.open);
    } else button.removeAttribute("aria-label");
  });

  // What the page itself may ask for. Who its visitor is, it says by a token that its server signed.
  window.centralino = {
    open,
    close,
    identify(token) {
      load();
      tell({ centralino: "identify", token: String(token) });
    },
    forget() {
      load();
      tell({ centralino: "forget" });
    },
  };
  const show = () => {
    document.body.append(host);
    if (given.token) window.centralino.identify(given.token);
  };
  document.body ? show() : addEventListener("DOMContentLoaded", show);
})();
