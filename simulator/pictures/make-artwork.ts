// Draws the example pictures: one person and three garments. Run `npx tsx simulator/make-artwork.ts`
// after changing a shape, and look at the result. All shapes share the person's coordinates
// (768 × 1152, centre at x = 384), so a garment is drawn where it will be worn.
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const colors = {
  wall: '#f8f2ea',
  arch: '#f1e6da',
  floor: '#eadccd',
  skin: '#c98d66',
  skinShade: '#b57a55',
  hair: '#33262e',
  hairShine: '#4a3843',
  blush: '#d9785f',
  base: '#fffaf3',
  baseShade: '#e9dfd2',
  shorts: '#56627a',
  shortsShade: '#475268',
  shoe: '#fffdf9',
  shoeShade: '#d8cdc1',
  sole: '#c8795a',
};

/** The shapes of the left half, and the same mirrored to the right. */
function bothSides(shapes: string): string {
  return `${shapes}<g transform="translate(768 0) scale(-1 1)">${shapes}</g>`;
}

const backdrop = `
  <rect width="768" height="1152" fill="${colors.wall}"/>
  <path d="M148 1094 V356 A236 236 0 0 1 620 356 V1094 Z" fill="${colors.arch}"/>
  <ellipse cx="384" cy="1086" rx="150" ry="13" fill="${colors.floor}"/>`;

const legs = bothSides(`
  <path d="M301 560 C295 640 304 740 316 820 C312 880 322 960 334 1046 L366 1046
    C372 960 376 880 370 820 C376 760 382 700 384 628 V560 Z" fill="${colors.skin}"/>
  <path d="M370 820 C376 760 382 700 384 628 V560 H372 C374 660 366 760 352 822
    C358 900 358 970 354 1046 L366 1046 C372 960 376 880 370 820 Z" fill="${colors.skinShade}"/>
  <path d="M328 1040 L368 1040 C372 1058 372 1072 370 1082 L302 1082 C302 1066 322 1060 328 1040 Z"
    fill="${colors.shoe}"/>
  <path d="M346 1040 L368 1040 C372 1058 372 1072 370 1082 L352 1082 C358 1068 354 1054 346 1040 Z"
    fill="${colors.shoeShade}"/>
  <path d="M300 1079 H371 V1086 Q371 1090 366 1090 H306 Q299 1090 300 1079 Z"
    fill="${colors.sole}"/>
  <path d="M326 1056 L340 1061 M321 1064 L335 1069" stroke="${colors.sole}" stroke-width="3"
    stroke-linecap="round"/>`);

const arms = bothSides(`
  <path d="M306 268 C282 270 270 288 266 318 C258 372 244 420 238 466 C230 508 226 540 226 566
    C220 584 222 606 230 620 C238 628 250 624 254 610 C258 596 258 582 256 568
    C262 536 270 506 274 474 C284 430 298 384 306 340 Z" fill="${colors.skin}"/>
  <path d="M306 340 C298 384 284 430 274 474 C270 506 262 536 256 568 L248 570
    C252 530 260 500 262 470 C270 420 286 370 292 326 Z" fill="${colors.skinShade}"/>
  <path d="M250 588 C256 594 257 604 253 612" stroke="${colors.skinShade}" stroke-width="3"
    fill="none" stroke-linecap="round"/>`);

const body = `
  <path d="M364 180 H404 V236 C408 254 436 260 466 270 C478 300 470 340 464 372
    C456 420 450 440 452 470 C462 510 468 540 468 580 H300 C300 540 306 510 316 470
    C318 440 312 420 304 372 C298 340 290 300 302 270 C332 260 360 254 364 236 Z"
    fill="${colors.skin}"/>
  <path d="M364 206 C374 220 394 220 404 206 V226 C394 238 374 238 364 226 Z"
    fill="${colors.skinShade}"/>
  <path d="M340 278 Q362 286 378 296 M428 278 Q406 286 390 296" stroke="${colors.skinShade}"
    stroke-width="3" fill="none" stroke-linecap="round"/>
  <path d="M299 548 C292 610 297 670 304 724 H380.500 L384 640 L387.500 724 H464 C471 670 476 610 469 548 Z"
    fill="${colors.shorts}"/>
  <path d="M384 566 V640 L380.500 724 H360 C368 680 374 620 372 566 Z M384 566 V640 L387.500 724 H408
    C396 680 392 620 392 566 Z" fill="${colors.shortsShade}"/>
  <path d="M326 262 L346 260 C346 310 362 330 384 330 C406 330 422 310 422 260 L442 262
    C444 310 454 340 466 366 C458 420 450 440 452 470 C460 500 470 528 474 562
    Q384 576 294 562 C298 528 308 500 316 470 C318 440 310 420 302 366 C314 340 324 310 326 262 Z"
    fill="${colors.base}"/>
  <path d="M462 366 C456 420 450 440 452 470 C460 500 470 528 474 562 Q454 566 436 568
    C444 530 432 500 432 466 C432 430 446 400 454 350 Z" fill="${colors.baseShade}"/>`;

const head = `
  <circle cx="384" cy="94" r="25" fill="${colors.hair}"/>
  <path d="M384 92 C336 90 322 128 326 168 C328 190 336 204 346 210 L422 210
    C432 204 440 190 442 168 C446 128 432 90 384 92 Z" fill="${colors.hair}"/>
  ${bothSides(`<ellipse cx="338" cy="160" rx="8" ry="12" fill="${colors.skin}"/>
    <circle cx="337" cy="176" r="4" fill="#e9b872"/>`)}
  <path d="M340 140 C340 112 428 112 428 140 V164 C428 194 406 212 384 212
    C362 212 340 194 340 164 Z" fill="${colors.skin}"/>
  <path d="M338 152 C336 118 356 104 386 106 C414 104 432 120 430 152 C424 136 412 128 396 126
    C376 138 350 136 338 152 Z" fill="${colors.hair}"/>
  <path d="M352 112 Q372 100 396 104" stroke="${colors.hairShine}" stroke-width="5" fill="none"
    stroke-linecap="round"/>
  <path d="M372 84 Q380 76 392 80" stroke="${colors.hairShine}" stroke-width="4" fill="none"
    stroke-linecap="round"/>
  ${bothSides(`
    <path d="M356 146 Q363 141 371 145" stroke="${colors.hair}" stroke-width="3.4" fill="none"
      stroke-linecap="round"/>
    <ellipse cx="364" cy="159" rx="4" ry="5" fill="${colors.hair}"/>
    <circle cx="365.5" cy="157" r="1.4" fill="#fff"/>
    <ellipse cx="355" cy="176" rx="9" ry="5.5" fill="${colors.blush}" opacity="0.38"/>`)}
  <path d="M384 160 Q380 172 382 175 Q385 177 388 175" stroke="${colors.skinShade}"
    stroke-width="3" fill="none" stroke-linecap="round"/>
  <path d="M369 186 Q384 200 399 186 Q384 191 369 186 Z" fill="#fff" stroke="#8d4a3c"
    stroke-width="3" stroke-linejoin="round"/>`;

const shirt = `
  ${bothSides(`
    <path d="M346 252 C318 260 296 264 281 279 C268 292 263 312 260 333 L242 400 Q264 420 290 422
      L312 372 Z" fill="#e2725b"/>
    <path d="M242 400 L247 387 Q268 407 295 409 L290 422 Q264 420 242 400 Z" fill="#c65a45"/>`)}
  <path d="M346 252 C350 286 366 296 384 296 C402 296 418 286 422 252 C444 260 462 264 474 272
    C478 310 470 346 468 378 C462 430 470 520 478 594 Q384 612 290 594 C298 520 306 430 300 378
    C298 346 290 310 294 272 C306 264 324 260 346 252 Z" fill="#e2725b"/>
  <path d="M467 400 C463 440 470 520 478 594 Q460 598 442 600 C449 540 443 460 444 403 Z"
    fill="#cf614b"/>
  <path d="M301 392 Q384 408 467 392 V418 Q384 434 302 418 Z" fill="#fbead9"/>
  <path d="M302 434 Q384 450 466 434 V446 Q384 462 301 446 Z" fill="#fbead9"/>
  <path d="M290 594 Q384 612 478 594 L476.600 582 Q384 600 291.400 582 Z" fill="#c65a45"/>
  <path d="M346 252 C350 286 366 296 384 296 C402 296 418 286 422 252 L434 256
    C430 296 408 309 384 309 C360 309 338 296 334 256 Z" fill="#fbead9"/>
  <path d="M312 372 C308 352 304 336 304 322 M456 372 C460 352 464 336 464 322" stroke="#c65a45"
    stroke-width="3.500" fill="none" stroke-linecap="round"/>`;

const jacket = `
  ${bothSides(`
    <path d="M340 252 C312 258 286 262 272 278 C260 294 254 316 249 342 C237 396 226 440 220 486
      C215 520 212 546 210 572 Q236 586 266 582 C270 556 278 526 284 492 C294 450 304 420 314 380 Z"
      fill="#3f6f73"/>
    <path d="M304 330 C302 380 286 440 276 492 C270 526 264 556 260 582 L266 582
      C270 556 278 526 284 492 C294 450 304 420 314 380 Z" fill="#335c60"/>
    <path d="M211 566 Q238 580 268 575 L265 598 Q236 602 209 590 Z" fill="#e5a84b"/>
    <path d="M348 248 C322 256 296 260 284 272 C292 320 300 350 302 384 C308 440 300 500 292 566
      Q324 576 362 576 C364 470 362 380 352 300 Z" fill="#477c80"/>
    <path d="M352 300 C362 380 364 470 362 576 L350 575 C352 470 350 380 342 292 Z"
      fill="#335c60"/>
    <path d="M292 564 Q326 575 362 574 L362 598 Q322 600 288 588 Z" fill="#e5a84b"/>
    <path d="M300 585 V573 M313 588 V576 M326 590 V578 M339 591 V580 M351 592 V580
      M219 588 L220 578 M231 592 L232 582 M243 594 L244 584 M255 593 L257 583"
      stroke="#c98d33" stroke-width="3" stroke-linecap="round"/>
    <path d="M350 246 C338 250 330 256 324 262 C328 284 338 300 350 312 L358 300
      C350 288 346 268 350 246 Z" fill="#e5a84b"/>
    <path d="M308 478 L334 506" stroke="#2b4e52" stroke-width="5" stroke-linecap="round"/>`)}
  <path d="M354 306 C362 380 364 470 361 592" stroke="#f4e7d0" stroke-width="4" fill="none"
    stroke-linecap="round"/>
  <path d="M414 306 C406 380 404 470 407 592" stroke="#f4e7d0" stroke-width="4" fill="none"
    stroke-linecap="round"/>`;

const dots = [
  [330, 372],
  [384, 360],
  [436, 374],
  [356, 412],
  [410, 414],
  [340, 520],
  [392, 510],
  [438, 528],
  [312, 580],
  [364, 566],
  [416, 574],
  [462, 592],
  [290, 648],
  [340, 634],
  [392, 628],
  [442, 640],
  [492, 656],
  [268, 716],
  [318, 706],
  [370, 694],
  [422, 698],
  [474, 712],
  [294, 774],
  [346, 768],
  [398, 760],
  [450, 768],
  [506, 764],
  [262, 786],
] as const;

const dress = `
  <path d="M324 264 Q332 254 350 250 C350 298 364 318 384 318 C404 318 418 298 418 250 Q436 254 444 264
    C446 304 452 336 466 362 C458 410 450 440 452 462 C474 560 510 700 534 800
    Q510 820 484 816 Q460 836 434 824 Q408 842 384 828 Q360 842 334 824 Q308 836 284 816
    Q258 820 234 800 C258 700 294 560 316 462 C318 440 310 410 302 362 C316 336 322 304 324 264 Z"
    fill="#6b5b95"/>
  <path d="M452 466 C474 560 510 700 534 800 Q510 820 484 816 C480 700 462 560 440 466 Z
    M372 468 C366 590 350 720 334 824 Q348 836 362 834 C374 720 380 590 384 468 Z
    M404 468 C412 590 424 720 434 824 L446 826 C440 720 428 590 416 468 Z" fill="#5a4b82"/>
  ${dots.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="5.500" fill="#f3d9e5"/>`).join('')}
  <path d="M316 448 Q384 460 452 448 L453 474 Q384 486 315 474 Z" fill="#f0a9a0"/>
  <g transform="translate(-12 0)"><path d="M396 458 C412 440 436 446 424 462 C436 478 410 484 398 470 Z" fill="#e38b85"/>
  <path d="M394 458 C380 442 358 446 368 462 C358 478 382 484 394 470 Z" fill="#e38b85"/>
  <rect x="388" y="455" width="16" height="18" rx="6" fill="#d17770"/></g>
  <path d="M350 250 C350 298 364 318 384 318 C404 318 418 298 418 250" stroke="#f3d9e5"
    stroke-width="5" fill="none"/>`;

interface Picture {
  file: string;
  /** The part of the shared coordinates that is shown. */
  view: { left: number; top: number; width: number; height: number };
  widthPx: number;
  shapes: string;
}

const pictures: Picture[] = [
  {
    file: 'person.png',
    view: { left: 0, top: 0, width: 768, height: 1152 },
    widthPx: 768,
    shapes: backdrop + legs + arms + body + head,
  },
  {
    file: 'garment-shirt.png',
    view: { left: 184, top: 226, width: 400, height: 400 },
    widthPx: 800,
    shapes: shirt,
  },
  {
    file: 'garment-jacket.png',
    view: { left: 184, top: 226, width: 400, height: 400 },
    widthPx: 800,
    shapes: jacket,
  },
  {
    file: 'garment-dress.png',
    view: { left: 144, top: 226, width: 480, height: 640 },
    widthPx: 720,
    shapes: dress,
  },
];

for (const { file, view, widthPx, shapes } of pictures) {
  const viewBox = `${view.left} ${view.top} ${view.width} ${view.height}`;
  const heightPx = Math.round((widthPx * view.height) / view.width);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${viewBox}" width="${widthPx}"
    height="${heightPx}">${shapes}</svg>`;
  // A palette keeps flat colours small enough to live in a repository.
  const info = await sharp(Buffer.from(svg))
    .png({ palette: true, colors: 128, effort: 10 })
    .toFile(fileURLToPath(new URL(`../artwork/${file}`, import.meta.url)));
  process.stdout.write(`${file} ${info.width}x${info.height} ${info.size} bytes\n`);
}
