/**
 * naive-ui makes `<style>` elements at run time, which the Content-Security-Policy (`style-src 'self'`) rightly refuses.
 * Its `styleMountTarget` may be any parent, so it is given one that adopts each element's text as a constructed sheet:
 * those are made by our own script and need no exception.
 */

/** Sheets of vueuc, which knows no mount target: their few rules stand in base.css, and it is told that they are there. */
const alreadyStyled = ['vueuc/virtual-list', 'vueuc/overflow', 'vueuc/binder', 'vueuc/x-scroll'];

interface Adopted {
  readonly element: HTMLStyleElement;
  readonly sheet: CSSStyleSheet;
}

class AdoptingParent {
  readonly #byId = new Map<string, Adopted>();

  querySelector(selector: string): HTMLStyleElement | null {
    const id = /cssr-id="([^"]+)"/.exec(selector)?.[1];
    return id === undefined ? null : (this.#byId.get(id)?.element ?? null);
  }

  appendChild(element: HTMLStyleElement): HTMLStyleElement {
    this.#adopt(element);
    return element;
  }

  insertBefore(element: HTMLStyleElement): HTMLStyleElement {
    this.#adopt(element);
    return element;
  }

  #adopt(element: HTMLStyleElement): void {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(element.textContent ?? '');
    this.#byId.set(element.getAttribute('cssr-id') ?? '', { element, sheet });
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    // css-render rewrites an element's text when a theme changes; the sheet follows.
    new MutationObserver(() => sheet.replaceSync(element.textContent ?? '')).observe(element, { childList: true });
  }
}

/** For `styleMountTarget` of n-config-provider. Call it once, before anything is shown. */
export function createStyleMountTarget(): ParentNode {
  for (const id of alreadyStyled) {
    // Found by css-render's `style[cssr-id=…]`, but of no namespace and so no style: nothing for the policy to refuse.
    const placeholder = document.createElementNS(null, 'style');
    placeholder.setAttribute('cssr-id', id);
    document.head.appendChild(placeholder);
  }
  // css-render uses these three methods of the parent and nothing else.
  return new AdoptingParent() as unknown as ParentNode;
}
