// Markup made harmless: the only place where text becomes nodes other than text. DOMPurify's own policy for Trusted
// Types is the one that the page's Content-Security-Policy lets be.

import './purify.min.js';

// Debian's patch for CVE-2024-47875 left one check outside of the loop that it belongs to, where it reads a variable
// that is not declared there: without this nothing could be sanitised. The check within the loop is in force.
globalThis.shadowNode ??= {__depth: 0};

// A fragment with nothing in it but `tags` and `attributes`, and links of the web and of mail.
export function sanitised(markup, tags, attributes) {
  return DOMPurify.sanitize(markup, {
    ALLOWED_TAGS: tags,
    ALLOWED_ATTR: attributes,
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
    ALLOWED_URI_REGEXP: kHarmlessLink,
    ADD_URI_SAFE_ATTR: ['start', 'align'],  // which are no addresses
    RETURN_DOM_FRAGMENT: true,
  });
}

export const kHarmlessLink = /^(?:https?:|mailto:)/i;
