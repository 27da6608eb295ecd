# Rscript tests/lavaan_any/reference.R [folder], from the project's root: reads cases.csv,
# moments.csv and data/*.csv in the folder (tests/lavaan_any, where cases.R puts them) and writes
# beside them what lavaan 0.6-14 says: estimates.csv, effects.csv, defined.csv, implied.csv (with the
# residual of the correlation), modification.csv and indices.csv (with what became of the starts), the
# reference of tests/test_any_model.py. Conventions are those of tests/lavaan/reference.R, and
#
# - convention "lavaan" lets the errors of outcomes that cause nothing correlate (auto.cov.y), as
#   sem() does, "amos" does not. A variable on the right of "~ 0*" counts as a cause for lavaan.
# - lavaan starts from its own values, from ten random ones and from ten around regressions. The
#   converged optimum with the lowest F and a positive definite Psi counts; of several that tie, the
#   one with the smallest eigenvalue of B. Newton's steps, with equal parameters moved together
#   (lavaan's own basis of its constraints), go on until the decrement is below 1e-13.
# - lavaan conditions on exogenous variables only where their moments are free and no error is
#   correlated with one: elsewhere everything here is of fixed.x = FALSE.
# - Covariances have the divisor N in both conventions, so that fixed ones mean the same.
# - estimates have a row for all that is not fixed at 0; the standard error of a fixed one is 0.
#   lavaan's R-square is 1 - the standardized variance of an error.
# - := is computed from the estimates with complex steps and held against lavaan's; the standardized
#   one is of standardized parameters, as lavaan has it, a shared label's being that of its first.
# - modification.csv has lavaan's modindices() where it gives a number: every arrow and covariance
#   that is not in the model, or fixed in it, arrows into exogenous variables too. lavaan lists no
#   covariance of observed variables unless it is fixed, so that all others are spelled out as "0*".
#   It keeps N where the likelihood is Wishart's; here they have N - 1, as chi2. sepc.all is taken
#   over as it is, but not of variances.
# - Where a model restricts parameters, units stay as they are; elsewhere lavaan gets columns of
#   unit size, and results are brought back.
suppressMessages(library(lavaan))
source("tests/lavaan/indices.R")
folder <- c(commandArgs(trailingOnly = TRUE), "tests/lavaan_any")[1]

draw <- function(text, exogenous) {
  lines <- lavParseModelString(text, as.data.frame. = TRUE)
  defined <- Filter(function(each) each$op == ":=", attr(lines, "constraints"))
  inner <- unique(lines$lhs[lines$op == "~"])
  all <- unique(c(lines$rhs, lines$lhs))
  outer <- setdiff(all, inner)
  pairs <- if (length(outer) > 1) combn(outer, 2) else matrix("", 2, 0)
  drawn <- lines$op == "~~"
  known <- c(paste(lines$lhs, lines$rhs)[drawn], paste(lines$rhs, lines$lhs)[drawn])
  undrawn <- pairs[, !paste(pairs[1, ], pairs[2, ]) %in% known, drop = FALSE]
  sign <- if (exogenous == "correlated") "~~" else "~~ 0*"
  modifier <- ifelse(lines$fixed != "", lines$fixed, lines$label)
  spelled <- with(lines, paste(lhs, op, ifelse(modifier == "", rhs, paste(modifier, "*", rhs))))
  outside <- (lines$lhs %in% outer) + (lines$rhs %in% outer)
  arrows <- lines[lines$op == "~" & lines$fixed != "0", ]
  step <- matrix(0, length(all), length(all), dimnames = list(all, all))
  step[cbind(arrows$lhs, arrows$rhs)] <- 1
  walks <- Reduce(`%*%`, rep(list(step), length(all)), accumulate = TRUE)
  list(
    all = all, defined = defined, reached = which(Reduce(`+`, walks) > 0, arr.ind = TRUE),
    spelled = c(
      spelled, sprintf("%s %s %s", undrawn[1, ], sign, undrawn[2, ]),
      if (length(outer)) setdiff(sprintf("%s ~~ %s", outer, outer), with(lines, paste(lhs, op, rhs))),
      vapply(defined, function(each) paste(each$lhs, ":=", each$rhs), "")
    ),
    conditional = exogenous == "correlated" && !any(
      drawn & (outside == 2 & modifier != "" | outside == 1 & lines$fixed != "0")
    ),
    given_exogenous = spelled[!(drawn & outside == 2)],
    restricted = any(lines$label != "" | !lines$fixed %in% c("", "0")) || length(defined) > 0
  )
}
fit_lines <- function(lines, input, likelihood, ...) {
  # with the divisor N for both: lavaan multiplies by (N - 1) / N unless the likelihood is Wishart's
  S <- if (likelihood == "wishart") input$matrix else input$matrix * input$n / (input$n - 1)
  lavaan(paste(lines, collapse = "\n"),
    sample.cov = S, sample.nobs = input$n, likelihood = likelihood, auto.var = TRUE,
    auto.cov.y = input$joined, meanstructure = FALSE, warn = FALSE, ...
  )
}
try_start <- function(k, lines, input, likelihood, ...) {
  bare <- list(lines, input, likelihood, ..., se = "none", test = "none", baseline = FALSE)
  if (k == 0) return(try(do.call(fit_lines, bare), silent = TRUE))
  blank <- do.call(fit_lines, c(bare, do.fit = FALSE))
  S <- lavInspect(blank, "sampstat")$cov
  table <- parTable(blank)[c("lhs", "op", "rhs", "est", "free")]
  for (row in which(table$free > 0)) {
    left <- table$lhs[row]
    right <- table$rhs[row]
    scale <- sqrt(S[left, left] / S[right, right])
    table$est[row] <- if (table$op[row] == "~") {
      from <- table$rhs[table$op == "~" & table$lhs == left]
      slopes <- solve(S[from, from], S[from, left])
      if (k %% 2) rnorm(1, 0, 0.7) * scale else rnorm(1, 1, 0.5) * slopes[match(right, from)]
    } else if (left == right) runif(1, 0.2, 1) * S[left, left] else {
      runif(1, -0.1, 0.1) * sqrt(S[left, left] * S[right, right])
    }
  }
  try(do.call(fit_lines, c(bare, list(start = table[1:4]))), silent = TRUE)
}
proper <- function(fit) {
  min(eigen(cov2cor(lavInspect(fit, "est")$psi), TRUE, only.values = TRUE)$values) > 1e-8
}
farthest <- function(fit) {
  max(Mod(eigen(lavInspect(fit, "est")$beta, only.values = TRUE)$values))
}
polish <- function(fit, lines, input, likelihood, ...) {
  table <- parTable(fit)[c("lhs", "op", "rhs", "est", "free")]
  free <- table$free > 0
  K <- if (fit@Model@eq.constraints) fit@Model@eq.constraints.K else diag(sum(free))
  at <- function(...) {
    fit_lines(lines, input, likelihood, ..., start = table[1:4], optim.method = "none")
  }
  for (round in 1:25) {
    slope <- t(K) %*% lavInspect(fit, "gradient")
    bend <- t(K) %*% lavInspect(fit, "hessian") %*% K
    step <- solve(bend, slope, tol = 0)
    decrement <- sqrt(abs(sum(slope * step)))
    if (decrement < 1e-13) break
    table$est[free] <- table$est[free] - (K %*% step)[table$free]
    fit <- at(..., se = "none", test = "none", baseline = FALSE)
  }
  list(
    fit = at(...), decrement = decrement,
    least = min(eigen(cov2cor(bend), only.values = TRUE)$values)
  )
}
solve_model <- function(lines, input, likelihood, ...) {
  fits <- lapply(0:20, try_start, lines, input, likelihood, ...)
  fits <- Filter(function(fit) is(fit, "lavaan") && lavInspect(fit, "converged"), fits)
  good <- Filter(proper, fits)
  F <- sapply(good, function(fit) lavInspect(fit, "optim")$fx)
  near <- good[F < min(F) + 1e-4]
  ends <- sapply(near, function(fit) paste(signif(coef(fit), 2), collapse = " "))
  ends <- lapply(near[!duplicated(ends)], function(fit) {
    try(polish(fit, lines, input, likelihood, ...), silent = TRUE)
  })
  ends <- Filter(function(end) is.list(end) && proper(end$fit) && end$least > 0, ends)
  heights <- sapply(ends, function(end) lavInspect(end$fit, "optim")$fx)
  ends <- ends[heights < min(heights) + 1e-9]
  ends <- ends[order(sapply(ends, function(end) farthest(end$fit)))]
  places <- sapply(ends, function(end) paste(signif(coef(end$fit), 4), collapse = " "))
  stopifnot(ends[[1]]$decrement < 1e-11)
  best <- sum(F < min(heights) + 1e-6)
  list(
    fit = ends[[1]]$fit,
    search = data.frame(
      stability = farthest(ends[[1]]$fit), starts = 21, converged = length(fits),
      proper = length(good), best, ties = sum(!duplicated(places))
    )
  )
}
jacobian <- function(values, theta) {
  step <- 1e-30
  sapply(seq_along(theta), function(k) Im(values(theta + 1i * step * (seq_along(theta) == k)))) / step
}
delta <- function(values, theta, V) {
  J <- rbind(NULL, matrix(jacobian(values, theta), ncol = length(theta)))
  data.frame(value = Re(values(theta + 0i)), se = sqrt(pmax(rowSums((J %*% V) * J), 0)))
}
standardize <- function(full, drawing) {
  all <- drawing$all
  unit <- diag(length(all))
  table <- parTable(full)
  rows <- table[table$op %in% c("~", "~~") & !(table$free == 0 & table$est == 0), ]
  free <- rows$free > 0
  path <- rows$op == "~"
  place <- cbind(match(rows$lhs, all), match(rows$rhs, all))
  count <- c(nrow(rows), rep(nrow(drawing$reached), 3))
  values <- function(moved) {
    theta <- rows$est + 0i
    theta[free] <- moved
    B <- Psi <- matrix(0i, length(all), length(all))
    B[place[path, ]] <- theta[path]
    Psi[place[!path, ]] <- theta[!path]
    Psi[place[!path, 2:1]] <- theta[!path]
    A <- solve(unit - B)
    sd <- sqrt(diag(A %*% Psi %*% t(A)))
    from <- outer(sd, sd, function(to, from) from / to)
    total <- ((A - unit) * from)[drawing$reached]
    direct <- (B * from)[drawing$reached]
    own <- ifelse(place[, 1] == place[, 2], sd[place[, 1]]^2, apply(place, 1, function(pair) {
      sqrt(prod(diag(Psi)[pair]))
    }))
    std <- theta * ifelse(path, sd[place[, 2]] / sd[place[, 1]], 1 / own)
    named <- function(numbers) setNames(as.list(numbers), rows$label)[!duplicated(rows$label)]
    define <- function(known) {
      for (each in drawing$defined) known[[each$lhs]] <- eval(str2lang(each$rhs), known)
      unlist(known[vapply(drawing$defined, `[[`, "", "lhs")])
    }
    c(std, direct, total - direct, total, if (length(drawing$defined)) {
      c(define(named(theta)), define(named(std)))
    })
  }
  found <- delta(values, rows$est[free], unclass(lavInspect(full, "vcov")))
  kinds <- rep(c("std", "direct", "indirect", "total", "raw", "scaled"),
    c(count, rep(length(drawing$defined), 2)))
  part <- split(found, factor(kinds, unique(kinds)))
  theirs <- standardizedSolution(full)
  std <- theirs[match(paste(rows$lhs, rows$op, rows$rhs), with(theirs, paste(lhs, op, rhs))), ]
  check <- function(ours, value, se) stopifnot(
    nrow(ours) == length(value), length(value) > 0,
    max(abs(ours$value - value) / pmax(abs(value), 1)) < 1e-10,
    max(abs(ours$se - se) / pmax(se, 1)) < 1e-5
  )
  check(part$std, std$est.std, ifelse(is.na(std$se), 0, std$se))
  if (length(drawing$defined)) {
    raw <- subset(parameterEstimates(full), op == ":=")
    scaled <- subset(theirs, op == ":=")
    check(part$raw, raw$est, raw$se)
    check(part$scaled, scaled$est.std, scaled$se)
  }
  list(rows = rows, part = part)
}
reference <- function(text, input, convention, exogenous) {
  drawing <- draw(text, exogenous)
  likelihood <- if (convention == "amos") "wishart" else "normal"
  input$joined <- convention == "lavaan"
  solved <- solve_model(drawing$spelled, input, likelihood, fixed.x = FALSE)
  full <- solved$fit
  again <- function(lines, likelihood, fixed.x) {
    table <- parTable(full)[c("lhs", "op", "rhs", "est")]
    at <- fit_lines(lines, input, likelihood, fixed.x = fixed.x, start = table, optim.method = "none")
    polish(at, lines, input, likelihood, fixed.x = fixed.x)$fit
  }
  normal <- if (convention == "amos") again(drawing$spelled, "normal", FALSE)
  test <- if (convention == "lavaan" && drawing$conditional) {
    again(drawing$given_exogenous, likelihood, TRUE)
  } else {
    full
  }
  divisor <- if (convention == "amos") (input$n - 1) / input$n else 1
  scale <- function(table) {
    to <- input$unit[table$lhs]
    from <- input$unit[table$rhs]
    ifelse(table$op == "~", to / from, to * from)
  }
  name <- function(table) {
    data.frame(to = table$lhs, kind = ifelse(table$op == "~", "path", "covariance"), from = table$rhs)
  }
  found <- standardize(full, drawing)
  rows <- found$rows
  part <- found$part
  se <- parTable(full)$se[match(rows$id, parTable(full)$id)]
  ends <- drawing$all[drawing$reached]
  dim(ends) <- dim(drawing$reached)
  moments <- fitted(full)$cov
  residual <- residuals(full, type = "cor")$cov
  moments <- moments * outer(input$unit[rownames(moments)], input$unit[colnames(moments)])
  lower <- which(lower.tri(moments, diag = TRUE), arr.ind = TRUE)
  table <- parTable(full)
  pairs <- combn(drawing$all, 2)
  known <- with(table[table$op == "~~", ], c(paste(lhs, rhs), paste(rhs, lhs)))
  pairs <- pairs[, !paste(pairs[1, ], pairs[2, ]) %in% known, drop = FALSE]
  spread <- fit_lines(c(drawing$spelled, sprintf("%s ~~ 0 * %s", pairs[1, ], pairs[2, ])), input,
    likelihood, fixed.x = FALSE, start = table[c("lhs", "op", "rhs", "est")], optim.method = "none"
  )
  advice <- suppressWarnings(modindices(spread))
  found_indices <- indices(full, test, normal, input, convention)
  found_indices$rmr <- found_indices$rmr / divisor
  own <- rows$lhs == rows$rhs
  square <- lavInspect(full, "rsquare")
  stopifnot(max(abs(1 - part$std$value[own][match(names(square), rows$lhs[own])] - square)) < 1e-12)
  list(
    estimates = data.frame(
      name(rows), label = rows$label, free = rows$free > 0, estimate = rows$est * scale(rows),
      se = se * scale(rows), standardized = part$std$value, standardized_se = part$std$se
    ),
    effects = data.frame(
      from = ends[, 2], to = ends[, 1],
      direct = part$direct$value, direct_se = part$direct$se, indirect = part$indirect$value,
      indirect_se = part$indirect$se, total = part$total$value, total_se = part$total$se
    ),
    defined = if (length(drawing$defined)) data.frame(
      name = vapply(drawing$defined, `[[`, "", "lhs"), estimate = part$raw$value, se = part$raw$se,
      standardized = part$scaled$value, standardized_se = part$scaled$se
    ),
    implied = data.frame(
      to = rownames(moments)[lower[, 1]], from = colnames(moments)[lower[, 2]],
      value = moments[lower], residual = residual[lower]
    ),
    modification = if (nrow(advice)) data.frame(
      name(advice), mi = advice$mi * divisor, epc = advice$epc * scale(advice),
      standardized_epc = ifelse(advice$lhs == advice$rhs, NA, advice$sepc.all)
    ),
    indices = cbind(found_indices, solved$search)
  )
}
read_input <- function(case) {
  path <- file.path(folder, "data", paste0(case$data, ".csv"))
  S <- if (file.exists(path)) cov(read.csv(path)) * (case$n - 1) / case$n else {
    known <- subset(read.csv(file.path(folder, "moments.csv")), data == case$data)
    names <- unique(known$to)
    full <- matrix(0, length(names), length(names), dimnames = list(names, names))
    full[cbind(c(known$to, known$from), c(known$from, known$to))] <- known$value
    full
  }
  unit <- 10^round(log10(sqrt(diag(S))))
  if (draw(case$model, "correlated")$restricted) unit[] <- 1
  list(matrix = S / tcrossprod(unit), n = case$n, unit = unit)
}

cases <- read.csv(file.path(folder, "cases.csv"))
tables <- list()
for (row in seq_len(nrow(cases))) {
  case <- cases[row, ]
  set.seed(sum(utf8ToInt(case$case))) # so that a case has its starts whatever is beside it
  both <- if (case$exogenous == "both") "uncorrelated"
  for (exogenous in c("correlated", both)) for (convention in c("amos", "lavaan")) {
    results <- reference(case$model, read_input(case), convention, exogenous)
    for (name in names(results)) {
      part <- results[[name]]
      if (is.null(part)) next
      numbers <- sapply(part, is.numeric)
      part[numbers] <- lapply(part[numbers], signif, digits = 15)
      about <- data.frame(case = case$case, convention, exogenous)
      tables[[name]] <- rbind(tables[[name]], cbind(about, part, row.names = NULL))
    }
  }
}
options(digits = 15)
for (name in names(tables)) {
  path <- file.path(folder, paste0(name, ".csv"))
  write.csv(tables[[name]], path, row.names = FALSE, quote = FALSE)
}
