// Prepares Sphinx's page of the whole book for paper: what is folded opens, links lead to places in
// the book, there are contents, each chapter has its title at the head, and all fits the sheet.
() => {
  const article = document.querySelector(".bd-article");
  article.firstElementChild.id = "document-book/index";
  article.querySelectorAll("details").forEach((folded) => (folded.open = true));

  // other pages use the names of citations, too; raw links name the page where their place is
  article.querySelectorAll(".citation").forEach((cited) => (cited.id = `cited-${cited.id}`));
  for (const link of article.querySelectorAll("a:not(.external)")) {
    if (link.hash) link.setAttribute("href", link.hash.replace(/^#(?=id\d+$)/, "#cited-"));
    else link.removeAttribute("href");
  }

  const sheet = document.head.appendChild(document.createElement("style")).sheet;
  const contents = document.createElement("nav");
  contents.className = "book-contents";
  contents.innerHTML = "<h2>Contents</h2>";
  const captions = document.querySelectorAll("nav.bd-links .caption");
  article.querySelectorAll(".toctree-wrapper").forEach((part, place) => {
    captions[place].removeAttribute("role"); // a heading would stand in the outline
    contents.append(captions[place]);
    for (const anchor of part.querySelectorAll("[id^='document-']")) {
      const chapter = anchor.nextElementSibling;
      const title = chapter.querySelector("h2").firstChild.data;
      const link = contents.appendChild(document.createElement("a"));
      link.href = `#${anchor.id}`;
      link.append(title, document.createElement("span"));
      chapter.prepend(anchor);
      chapter.style.page = anchor.id.replace(/\W/g, "-");
      const head = `{ @top-center { content: ${JSON.stringify(title)}; } }`;
      sheet.insertRule(`@page ${chapter.style.page} ${head}`);
    }
  });
  article.querySelector(".toctree-wrapper").before(contents);

  for (const wide of article.querySelectorAll("table, div.math > mjx-container")) {
    const room = wide.parentElement.clientWidth;
    if (wide.scrollWidth > room) wide.style.zoom = room / wide.scrollWidth;
  }
}
