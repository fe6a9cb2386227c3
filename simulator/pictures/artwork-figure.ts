const COLORS = {
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
export function bothSides(shapes: string): string {
  return `${shapes}<g transform="translate(768 0) scale(-1 1)">${shapes}</g>`;
}

export const BACKDROP = `
  <rect width="768" height="1152" fill="${COLORS.wall}"/>
  <path d="M148 1094 V356 A236 236 0 0 1 620 356 V1094 Z" fill="${COLORS.arch}"/>
  <ellipse cx="384" cy="1086" rx="150" ry="13" fill="${COLORS.floor}"/>`;

export const LEGS = bothSides(`
  <path d="M301 560 C295 640 304 740 316 820 C312 880 322 960 334 1046 L366 1046
    C372 960 376 880 370 820 C376 760 382 700 384 628 V560 Z" fill="${COLORS.skin}"/>
  <path d="M370 820 C376 760 382 700 384 628 V560 H372 C374 660 366 760 352 822
    C358 900 358 970 354 1046 L366 1046 C372 960 376 880 370 820 Z" fill="${COLORS.skinShade}"/>
  <path d="M328 1040 L368 1040 C372 1058 372 1072 370 1082 L302 1082 C302 1066 322 1060 328 1040 Z"
    fill="${COLORS.shoe}"/>
  <path d="M346 1040 L368 1040 C372 1058 372 1072 370 1082 L352 1082 C358 1068 354 1054 346 1040 Z"
    fill="${COLORS.shoeShade}"/>
  <path d="M300 1079 H371 V1086 Q371 1090 366 1090 H306 Q299 1090 300 1079 Z"
    fill="${COLORS.sole}"/>
  <path d="M326 1056 L340 1061 M321 1064 L335 1069" stroke="${COLORS.sole}" stroke-width="3"
    stroke-linecap="round"/>`);

export const ARMS = bothSides(`
  <path d="M306 268 C282 270 270 288 266 318 C258 372 244 420 238 466 C230 508 226 540 226 566
    C220 584 222 606 230 620 C238 628 250 624 254 610 C258 596 258 582 256 568
    C262 536 270 506 274 474 C284 430 298 384 306 340 Z" fill="${COLORS.skin}"/>
  <path d="M306 340 C298 384 284 430 274 474 C270 506 262 536 256 568 L248 570
    C252 530 260 500 262 470 C270 420 286 370 292 326 Z" fill="${COLORS.skinShade}"/>
  <path d="M250 588 C256 594 257 604 253 612" stroke="${COLORS.skinShade}" stroke-width="3"
    fill="none" stroke-linecap="round"/>`);

export const BODY = `
  <path d="M364 180 H404 V236 C408 254 436 260 466 270 C478 300 470 340 464 372
    C456 420 450 440 452 470 C462 510 468 540 468 580 H300 C300 540 306 510 316 470
    C318 440 312 420 304 372 C298 340 290 300 302 270 C332 260 360 254 364 236 Z"
    fill="${COLORS.skin}"/>
  <path d="M364 206 C374 220 394 220 404 206 V226 C394 238 374 238 364 226 Z"
    fill="${COLORS.skinShade}"/>
  <path d="M340 278 Q362 286 378 296 M428 278 Q406 286 390 296" stroke="${COLORS.skinShade}"
    stroke-width="3" fill="none" stroke-linecap="round"/>
  <path d="M299 548 C292 610 297 670 304 724 H380.500 L384 640 L387.500 724 H464 C471 670 476 610 469 548 Z"
    fill="${COLORS.shorts}"/>
  <path d="M384 566 V640 L380.500 724 H360 C368 680 374 620 372 566 Z M384 566 V640 L387.500 724 H408
    C396 680 392 620 392 566 Z" fill="${COLORS.shortsShade}"/>
  <path d="M326 262 L346 260 C346 310 362 330 384 330 C406 330 422 310 422 260 L442 262
    C444 310 454 340 466 366 C458 420 450 440 452 470 C460 500 470 528 474 562
    Q384 576 294 562 C298 528 308 500 316 470 C318 440 310 420 302 366 C314 340 324 310 326 262 Z"
    fill="${COLORS.base}"/>
  <path d="M462 366 C456 420 450 440 452 470 C460 500 470 528 474 562 Q454 566 436 568
    C444 530 432 500 432 466 C432 430 446 400 454 350 Z" fill="${COLORS.baseShade}"/>`;

export const HEAD = `
  <circle cx="384" cy="94" r="25" fill="${COLORS.hair}"/>
  <path d="M384 92 C336 90 322 128 326 168 C328 190 336 204 346 210 L422 210
    C432 204 440 190 442 168 C446 128 432 90 384 92 Z" fill="${COLORS.hair}"/>
  ${bothSides(`<ellipse cx="338" cy="160" rx="8" ry="12" fill="${COLORS.skin}"/>
    <circle cx="337" cy="176" r="4" fill="#e9b872"/>`)}
  <path d="M340 140 C340 112 428 112 428 140 V164 C428 194 406 212 384 212
    C362 212 340 194 340 164 Z" fill="${COLORS.skin}"/>
  <path d="M338 152 C336 118 356 104 386 106 C414 104 432 120 430 152 C424 136 412 128 396 126
    C376 138 350 136 338 152 Z" fill="${COLORS.hair}"/>
  <path d="M352 112 Q372 100 396 104" stroke="${COLORS.hairShine}" stroke-width="5" fill="none"
    stroke-linecap="round"/>
  <path d="M372 84 Q380 76 392 80" stroke="${COLORS.hairShine}" stroke-width="4" fill="none"
    stroke-linecap="round"/>
  ${bothSides(`
    <path d="M356 146 Q363 141 371 145" stroke="${COLORS.hair}" stroke-width="3.4" fill="none"
      stroke-linecap="round"/>
    <ellipse cx="364" cy="159" rx="4" ry="5" fill="${COLORS.hair}"/>
    <circle cx="365.5" cy="157" r="1.4" fill="#fff"/>
    <ellipse cx="355" cy="176" rx="9" ry="5.5" fill="${COLORS.blush}" opacity="0.38"/>`)}
  <path d="M384 160 Q380 172 382 175 Q385 177 388 175" stroke="${COLORS.skinShade}"
    stroke-width="3" fill="none" stroke-linecap="round"/>
  <path d="M369 186 Q384 200 399 186 Q384 191 369 186 Z" fill="#fff" stroke="#8d4a3c"
    stroke-width="3" stroke-linejoin="round"/>`;
