// Faults of the page against WCAG 2.2 AA that can be computed: names (4.1.2), target size (2.5.8), contrast (1.4.3).
() => {
  const faults = [];
  const seen = (node) => node.checkVisibility({ visibilityProperty: true }) && !node.closest('.unseen, [disabled]');
  const said = (node) => `${node.tagName.toLowerCase()}${node.id ? '#' + node.id : ''} «${node.textContent.trim().slice(0, 30)}»`;

  for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a[href]')) {
    const name = field.getAttribute('aria-label') || field.labels?.[0]?.textContent || field.textContent || field.title;
    if (!name || !name.trim()) faults.push(`no name: ${field.outerHTML.slice(0, 90)}`);
  }
  for (const target of document.querySelectorAll('button, .button, select, input:not([type=hidden], [type=radio], [type=checkbox]), nav a')) {
    if (!seen(target) || target.matches('.skip')) continue;
    const box = target.getBoundingClientRect();
    if (box.width < 24 || box.height < 24) faults.push(`small: ${said(target)} ${box.width}x${box.height}`);
  }

  const rgba = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const luminance = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour.a > 0.99) return colour;
    }
    return { r: 255, g: 255, b: 255, a: 1 };
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !seen(node) || node.closest('script, style, option, progress')) continue;
    const style = getComputedStyle(node);
    const [one, two] = [luminance(rgba(style.color)), luminance(behind(node))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (two + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) faults.push(`contrast ${ratio.toFixed(2)}: ${said(node)}`);
  }
  if (!document.documentElement.lang) faults.push('no language');
  if (document.querySelectorAll('h1').length > 1) faults.push('several h1');
  return [...new Set(faults)];
}
